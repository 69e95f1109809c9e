package dev.cay.engine.image;

import dev.cay.SandboxException;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.HashSet;
import java.util.Objects;
import java.util.Set;

/**
 * The bytes that a descriptor names, from a registry. When the connection breaks, or says nothing for too long, the rest is asked for
 * again; it is only given up when nothing has come several times. Digested on the way, and never longer than announced. Read by
 * one thread.
 */
final class BlobStream extends InputStream {
    private final RegistryClient client;
    private final Reference reference;
    private final Descriptor descriptor;
    private final Progress progress;
    private final MessageDigest digest;
    private final Set<Endpoint> mirrors = new HashSet<>();
    private long position;
    private int failures;

    private volatile InputStream current;
    private volatile boolean cancelled;

    /** Is told how much has come. */
    interface Progress {
        void come(long bytes, long total);
    }

    BlobStream(RegistryClient client, Reference reference, Descriptor descriptor, Progress progress) {
        this.client = client;
        this.reference = reference;
        this.descriptor = descriptor;
        this.progress = progress;
        digest = descriptor.digest().algorithm().start();
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
    }

    @Override
    public int read(byte[] target, int offset, int length) throws IOException {
        Objects.checkFromIndexSize(offset, length, target.length);
        if (length == 0) {
            return 0;
        }
        while (position < descriptor.size()) {
            int count = attempt(target, offset, (int) Math.min(length, descriptor.size() - position));
            if (count > 0) {
                digest.update(target, offset, count);
                position += count;
                failures = 0;
                progress.come(position, descriptor.size());
                return count;
            }
        }
        return -1;
    }

    /** Returns 0 if nothing came, and it is worth another attempt. */
    private int attempt(byte[] target, int offset, int length) throws IOException {
        try {
            if (current == null) {
                current = client.open(reference, descriptor, position, this::givenBy);
            }
            requireWanted();
            int count = client.silence().watched(current, in -> in.read(target, offset, length));
            if (count > 0) {
                return count;
            }
            throw new EOFException("the connection ended early");
        } catch (InterruptedIOException e) {
            if (Thread.currentThread().isInterrupted()) {
                throw e;
            }
            broken(e);
        } catch (IOException e) {
            broken(e);
        }
        return 0;
    }

    private void givenBy(Endpoint endpoint) {
        if (!endpoint.registry().equals(reference.registry())) {
            mirrors.add(endpoint);
        }
    }

    /** The mirrors that gave some of this; none once it is known to be what was meant. */
    Set<Endpoint> suspects() {
        return Set.copyOf(mirrors);
    }

    private void broken(IOException failure) throws IOException {
        requireWanted();
        leave();
        failures++;
        if (failures >= client.patience().attempts()) {
            throw RegistryClient.failed("a layer of " + reference.familiar(), failure);
        }
        String why = "a layer of " + reference.familiar() + " was cut at " + position + " bytes: "
                + RegistryClient.message(failure);
        client.pause(why, failures + 1, Duration.ZERO);
    }

    private void requireWanted() {
        if (cancelled) {
            throw new SandboxException.Closed("the engine is closed");
        }
    }

    /**
     * To be called when all has been read.
     *
     * @throws SandboxException.BadImage if there is more than was announced, or it has another digest
     */
    void verify() {
        if (isLonger()) {
            throw RegistryClient.bad(
                    "what the registry gives for " + descriptor.digest() + " is longer than " + descriptor.size());
        }
        Digest computed = Digest.end(descriptor.digest().algorithm(), digest);
        if (!computed.equals(descriptor.digest())) {
            throw RegistryClient.bad("what the registry gives for " + descriptor.digest() + " is " + computed);
        }
        mirrors.clear();
    }

    /** All that was announced has come: how the connection ends does not matter then. */
    private boolean isLonger() {
        InputStream in = current;
        try {
            return in != null && client.silence().watched(in, InputStream::read) >= 0;
        } catch (IOException e) {
            requireWanted();
            return false;
        }
    }

    /** Ends the reading, from another thread. */
    void cancel() {
        cancelled = true;
        leave();
    }

    private void leave() {
        InputStream in = current;
        current = null;
        if (in != null) {
            try {
                in.close();
            } catch (IOException e) {
                // it is of no use any more
            }
        }
    }

    @Override
    public void close() {
        leave();
        client.left(this);
    }
}
