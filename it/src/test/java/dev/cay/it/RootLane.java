package dev.cay.it;

import dev.cay.Sandbox;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import dev.cay.Size;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Optional;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/**
 * For every test that makes sandboxes: gives it an engine of its own, if it has a parameter for one, closes the engine
 * afterwards, and fails the test if then anything on the machine is not as it was before.
 */
public final class RootLane implements BeforeAllCallback, BeforeEachCallback, AfterEachCallback, ParameterResolver {
    private static final ExtensionContext.Namespace NAMESPACE = ExtensionContext.Namespace.create(RootLane.class);

    private static boolean warm;

    /**
     * Lets an engine and the JDK make what they make once and keep: in a process buffers and the poller, on a machine /run/cay itself and
     * what all detached sandboxes share: groups, a block of user ids, the store.
     */
    private static synchronized void warmUp() throws InterruptedException, IOException {
        if (warm) {
            return;
        }
        try (Sandboxes engine = Sandboxes.local();
                Sandbox sandbox =
                        engine.create(SandboxSpec.host().memory(Size.mib(64)).build())) {
            Thread.ofVirtual().start(() -> sandbox.exec("true")).join();
            Sandbox detached = engine.create(SandboxSpec.host().detached().build());
            detached.exec("true");
            detached.remove();
            engine.sweep();
            engine.networks().repair(); // where leases are written down
            MachineState.now();
        }
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Socket client = new Socket(server.getInetAddress(), server.getLocalPort());
            // The JDK has an epoll of its own for virtual threads that wait for sockets.
            Thread reader = Thread.ofVirtual().start(() -> {
                try (client) {
                    client.getInputStream().read();
                } catch (IOException e) {
                    throw new IllegalStateException(e);
                }
            });
            server.accept().close();
            reader.join();
        }
        warm = true;
    }

    @Override
    public void beforeAll(ExtensionContext context) throws InterruptedException, IOException {
        warmUp();
        Lab.open();
        // Closed when the last of all tests has ended.
        context.getRoot().getStore(NAMESPACE).computeIfAbsent("kernel", _ -> (AutoCloseable) GuestKernels::forget);
    }

    @Override
    public void beforeEach(ExtensionContext context) {
        context.getStore(NAMESPACE).put("before", MachineState.now());
    }

    @Override
    public void afterEach(ExtensionContext context) {
        ExtensionContext.Store store = context.getStore(NAMESPACE);
        Optional.ofNullable(store.remove("engine", Sandboxes.class)).ifPresent(Sandboxes::close);
        String difference = store.remove("before", MachineState.class).differenceFromNow();
        if (!difference.isEmpty()) {
            throw new AssertionError("the machine is not as it was before this test:\n" + difference);
        }
    }

    @Override
    public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
        return parameter.getParameter().getType() == Sandboxes.class;
    }

    @Override
    public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
        return context.getStore(NAMESPACE).computeIfAbsent("engine", _ -> Sandboxes.local(), Sandboxes.class);
    }
}
