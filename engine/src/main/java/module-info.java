/** The engine: makes sandboxes in this process, without a daemon. It needs native access for dev.cay.linux only. */
module dev.cay.engine {
    requires transitive dev.cay;
    requires dev.cay.guest;
    requires dev.cay.linux;
    requires com.github.luben.zstd_jni;
    requires java.net.http;
    requires jdk.net;
    requires org.tukaani.xz;

    provides dev.cay.spi.SandboxProvider with
            dev.cay.engine.sandbox.LocalProvider;
}
