/**
 * The kernels that microVMs boot: taken out of a distribution's package, of {@code /boot} or of a file of the user's, and kept with
 * the modules that a guest needs. {@link dev.cay.engine.kernels.KernelStore} is the entry.
 */
package dev.cay.engine.kernels;
