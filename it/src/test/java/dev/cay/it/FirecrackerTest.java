package dev.cay.it;

import dev.cay.engine.microvm.FirecrackerVmm;
import dev.cay.engine.microvm.Vmm;

final class FirecrackerTest extends RealVmmContract {
    FirecrackerTest() {
        super("firecracker");
    }

    @Override
    Vmm vmm() {
        return new FirecrackerVmm(home(), program());
    }
}
