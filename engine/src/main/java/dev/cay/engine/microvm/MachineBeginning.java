package dev.cay.engine.microvm;

import dev.cay.BootStep;
import dev.cay.OnHang;
import java.time.Duration;
import java.util.List;

/**
 * How a machine of this process began.
 *
 * @param answered how long after the start of the VMM its first process answered
 * @param steps what was done from then on
 * @param onHang what is done when its guest answers no more
 * @param last the highest number that a command of its maker has
 */
record MachineBeginning(MachineKind kind, Duration answered, List<BootStep> steps, OnHang onHang, int last) {}
