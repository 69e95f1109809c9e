/** The public API of Cay: sandboxes for code nobody trusts. It depends on the JDK alone and runs on Java 17 or newer. */
module dev.cay {
    exports dev.cay;
    exports dev.cay.spi;

    uses dev.cay.spi.SandboxProvider;
}
