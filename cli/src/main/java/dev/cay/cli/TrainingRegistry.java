package dev.cay.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Serves, on this machine alone, the files of a folder as a registry does, so that {@link Training} has something to pull. */
final class TrainingRegistry implements AutoCloseable {
    private static final String MANIFEST = "application/vnd.oci.image.manifest.v1+json";

    private final Path folder;
    private final ServerSocket socket = new ServerSocket(0, 50, InetAddress.getByAddress(new byte[] {127, 0, 0, 1}));

    /** @param folder has {@code v2/NAME/manifests/TAG} and {@code v2/NAME/blobs/DIGEST} */
    TrainingRegistry(Path folder) throws IOException {
        this.folder = folder;
        Thread.ofPlatform().daemon().name("cay-training").start(this::accept);
    }

    String address() {
        return "127.0.0.1:" + socket.getLocalPort();
    }

    private void accept() {
        try {
            while (true) {
                Socket one = socket.accept();
                Thread.ofPlatform().daemon().name("cay-training").start(() -> serve(one));
            }
        } catch (IOException e) {
            // closed
        }
    }

    private void serve(Socket one) {
        try (one) {
            BufferedReader in =
                    new BufferedReader(new InputStreamReader(one.getInputStream(), StandardCharsets.ISO_8859_1));
            String line = in.readLine();
            while (line != null && line.startsWith("GET /v2/")) {
                String path = line.split(" ")[1].substring(1);
                while (line != null && !line.isEmpty()) {
                    line = in.readLine();
                }
                answer(path, one.getOutputStream());
                line = in.readLine();
            }
        } catch (IOException e) {
            // it speaks TLS first, and has seen that nobody answers
        }
    }

    private void answer(String path, OutputStream out) throws IOException {
        Path file = folder.resolve(path);
        boolean there = Files.isRegularFile(file);
        String head = "HTTP/1.1 " + (there ? "200 OK" : "404 Not Found") + "\r\nContent-Type: " + MANIFEST
                + "\r\nContent-Length: " + (there ? Files.size(file) : 0) + "\r\n\r\n";
        out.write(head.getBytes(StandardCharsets.ISO_8859_1));
        if (there) {
            Files.copy(file, out);
        }
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
