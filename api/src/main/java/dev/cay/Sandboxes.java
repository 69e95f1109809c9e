package dev.cay;

import dev.cay.spi.SandboxProvider;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;

/**
 * An engine that makes sandboxes. It is thread-safe, made to be shared, and may be called from virtual threads.
 *
 * <p>Unless its {@link Lifetime} says otherwise a sandbox ends with the process that made it, however that ends. One that is
 * detached lives on. While it lives any process of its owner finds it, by its id or its name.
 */
public interface Sandboxes extends AutoCloseable {
    /**
     * Opens the engine that runs in this process.
     *
     * @throws SandboxException.Unsupported if no engine is on the module path, or this machine cannot run one
     */
    static Sandboxes local() {
        return provider().open();
    }

    private static SandboxProvider provider() {
        return ServiceLoader.load(SandboxProvider.class)
                .findFirst()
                .orElseThrow(() -> new SandboxException.Unsupported(
                        "no engine is on the module path or class path",
                        "add the artifact dev.cay:cay-engine, which needs Java 25"));
    }

    /** What this machine has, or lacks, of what the engine needs. It changes nothing and works where no engine can be opened. */
    static List<Finding> diagnose() {
        return provider().diagnose();
    }

    /**
     * Makes a sandbox and returns when commands can run in it.
     *
     * @throws SandboxException.InvalidSpec if the specification is refused; nothing was done
     * @throws SandboxException.SetupFailed if a step of the set-up failed; what had been made is gone again
     */
    Sandbox create(SandboxSpec spec);

    /**
     * Makes a sandbox, runs one command in it to its end and throws the sandbox away.
     *
     * @throws SandboxException as {@link #create} does; a command that cannot be started is a result, not an exception
     */
    default ExecResult run(SandboxSpec spec, ExecSpec command) {
        try (Sandbox sandbox = create(spec)) {
            return sandbox.exec(command);
        }
    }

    /** The sandboxes of this machine, in the order they were made. */
    List<SandboxInfo> list();

    /**
     * Takes up a sandbox of this machine that another process of its owner has made, or this one: to let go of it does not end it.
     * One that is attached to its process is found at once if it has a name, else a quarter of a second after it was made; what that
     * process itself runs in it can be signalled and stopped by others, but not attached to, and nothing of its output is kept.
     *
     * @param name its id, the beginning of its id if that is unmistakable, or its name
     * @throws SandboxException.NotFound if there is none
     * @throws SandboxException.Conflict if it is just being made, or several begin so
     */
    Sandbox open(String name);

    /** Cleans up after processes that died: what lives is left alone, what is left over is removed. */
    SweepReport sweep();

    /** What happens to the sandboxes of this machine from now on. */
    EventStream events();

    /** The named volumes of this machine. */
    Volumes volumes();

    /** The networks of this machine. */
    Networks networks();

    /** The images of this machine. */
    Images images();

    /** The kernels that microVMs of this machine can boot. */
    default Kernels kernels() {
        throw new SandboxException.Unsupported("this engine makes no microVMs", "");
    }

    /** What microVMs can begin with instead of booting. */
    default Templates templates() {
        throw new SandboxException.Unsupported("this engine makes no microVMs", "");
    }

    /** MicroVMs that were kept as they were. */
    default Snapshots snapshots() {
        throw new SandboxException.Unsupported("this engine makes no microVMs", "");
    }

    /**
     * Makes an image of a sandbox's own image and one layer more, with all that is different in it. What is mounted is left out;
     * what commands write meanwhile may be in it or not. A file that has kept its kind, owner, mode, size and time counts as
     * unchanged.
     *
     * @param sandbox one of this engine, made of an image
     * @param name what the image is to be called; by its digest alone if empty
     * @throws SandboxException.Unsupported if it is made of no image
     */
    default ImageInfo commit(Sandbox sandbox, Optional<String> name) {
        throw new SandboxException.Unsupported("this engine makes no images", "");
    }

    /**
     * Serves a sandbox to clients of the agent protocol, until what is returned, or this engine, is closed.
     *
     * @param sandbox one of this engine
     * @throws SandboxException.Conflict if something is at the path of the socket already
     */
    default AgentSocket serve(Sandbox sandbox, AgentSpec spec) {
        throw new SandboxException.Unsupported("this engine serves no agent protocol", "");
    }

    /**
     * Keeps sandboxes ready. They are made in the background.
     *
     * @param spec what they are to be; it has no name
     * @param size how many, 1 to 1000
     */
    SandboxPool pool(SandboxSpec spec, int size);

    /** Ends every sandbox that is attached to this engine and gives back all it holds. May be called again without effect. */
    @Override
    void close();
}
