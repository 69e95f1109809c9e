/**
 * Compiles what a sandbox may ask of the kernel to a seccomp filter. Start reading at {@link
 * dev.cay.engine.seccomp.Seccomp}; {@code StandardProfile} is the policy, {@code ProfileParser} reads other people's,
 * {@code SeccompCompiler} turns a {@code SeccompProfile} into a {@code DecisionGraph} and {@code ProgramWriter} that
 * into the kernel's instructions. Installing the bytes is the business of {@code dev.cay.linux}.
 */
package dev.cay.engine.seccomp;
