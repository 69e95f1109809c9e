package dev.cay.engine.agent;

import dev.cay.FileEvent;
import dev.cay.FileInfo;
import dev.cay.FilePath;
import dev.cay.FileWatch;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxFiles;
import dev.cay.engine.json.JsonWriter;
import dev.cay.linux.Errno;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;

/** Port 53 for one peer: one request and its answer. Nothing of a file, a listing or a tree is ever held as a whole. */
final class FileService {
    private static final int DIRECTORY_MODE = 0755;

    /** Only says how often it is looked whether there is still somebody to be told. */
    private static final Duration INTERVAL = Duration.ofSeconds(10);

    private final Sandbox sandbox;
    private final Connection connection;
    private final FrameOutput output;
    private Stage stage = Stage.NEW;

    FileService(Sandbox sandbox, Connection connection) {
        this.sandbox = sandbox;
        this.connection = connection;
        output = connection.output();
    }

    void refuseBusy(String reason) throws IOException {
        output.send(FrameType.FILE_ERR, text(Errno.EBUSY, reason));
    }

    void serve() throws IOException {
        try {
            while (stage == Stage.NEW || stage == Stage.GREETED) {
                Optional<FrameHeader> header = connection.input().header();
                if (header.isEmpty()) {
                    return;
                }
                FrameType type = header.get().type();
                stage = stage.next(Port.FILES, type);
                byte[] payload = connection.input().payload();
                if (type == FrameType.HELLO) {
                    Hello.check(payload);
                    output.send(FrameType.HELLO, Hello.answer());
                } else {
                    answer(type, FileRequest.read(type, payload));
                }
            }
        } catch (RefusalException e) {
            output.send(FrameType.FILE_ERR, text(Errno.EINVAL, e.getMessage()));
        } catch (SandboxException e) {
            output.send(FrameType.FILE_ERR, text(e));
        }
    }

    private void answer(FrameType type, FileRequest request) throws IOException {
        SandboxFiles files = sandbox.files();
        switch (type) {
            case FILE_WRITE_REQ, TAR_WRITE -> receive(type, request, files);
            case FILE_READ_REQ -> read(request, files);
            case TAR_READ -> {
                ContentOutput content = new ContentOutput(output);
                files.pack(request.path(), content);
                content.flush();
                output.send(FrameType.FILE_DONE);
            }
            case FILE_STAT_REQ -> output.send(FrameType.FILE_STAT, json(files.stat(request.path(), false)));
            case FILE_LIST_REQ -> list(request, files);
            case FILE_MKDIR_REQ -> {
                files.makeDirectory(request.path(), request.mode().orElse(DIRECTORY_MODE), true);
                output.send(FrameType.FILE_ACK);
            }
            case FILE_REMOVE_REQ -> {
                files.remove(request.path(), request.recursive());
                output.send(FrameType.FILE_ACK);
            }
            case FILE_MOVE_REQ -> {
                files.move(request.path(), request.to().orElseThrow());
                output.send(FrameType.FILE_ACK);
            }
            case FILE_WATCH_REQ -> watch(request, files);
            default -> throw new IllegalStateException(type + " asks for nothing");
        }
    }

    private void receive(FrameType type, FileRequest request, SandboxFiles files) throws IOException {
        ContentInput content = new ContentInput(connection.input());
        try {
            if (type == FrameType.TAR_WRITE) {
                files.unpack(request.path(), content);
            } else if (request.append()) {
                files.append(request.path(), content, request.writing());
            } else if (!request.atomic()) {
                files.overwrite(request.path(), content, request.writing());
            } else {
                files.write(request.path(), content, request.writing());
            }
        } catch (SandboxException e) {
            output.send(FrameType.FILE_ERR, text(e));
            content.drain();
            return;
        }
        content.drain(); // what follows the end of an archive belongs to it
        output.send(FrameType.FILE_ACK);
    }

    private void read(FileRequest request, SandboxFiles files) throws IOException {
        byte[] chunk = new byte[FrameOutput.MAXIMUM_SENT];
        try (InputStream content = files.read(request.path(), request.offset(), request.length())) {
            for (int count = next(content, chunk); count > 0; count = next(content, chunk)) {
                output.send(FrameType.FILE_DATA, chunk, 0, count);
            }
        }
        output.send(FrameType.FILE_DONE);
    }

    /** What fails here is the file, not the peer. */
    private static int next(InputStream content, byte[] chunk) {
        try {
            return content.readNBytes(chunk, 0, chunk.length);
        } catch (IOException e) {
            if (e.getCause() instanceof SandboxException cause) {
                throw cause;
            }
            throw new SandboxException.FileFailed(
                    text(Errno.EIO, String.valueOf(e.getMessage())), Errno.EIO.number(), e);
        }
    }

    /** In pages, at least one; FILE_DONE behind the last says that it is. */
    private void list(FileRequest request, SandboxFiles files) throws IOException {
        StringBuilder page = new StringBuilder("[");
        try (SandboxFiles.Listing listing = files.list(request.path())) {
            while (listing.hasNext()) {
                String entry = json(listing.next());
                if (page.length() + entry.length() + 2 > FrameOutput.MAXIMUM_SENT) { // all of it is ASCII
                    output.send(FrameType.FILE_LIST, page.append(']').toString());
                    page = new StringBuilder("[");
                }
                page.append(page.length() > 1 ? "," : "").append(entry);
            }
        }
        output.send(FrameType.FILE_LIST, page.append(']').toString());
        output.send(FrameType.FILE_DONE);
    }

    /** Tells what happens, until the peer leaves; that it has begun is said first. */
    private void watch(FileRequest request, SandboxFiles files) throws IOException {
        try (FileWatch watch = files.watch(request.path(), request.recursive())) {
            output.send(FrameType.FILE_ACK);
            Thread.ofVirtual().name("cay-agent-watch").start(() -> awaitEnd(watch));
            while (true) {
                for (FileEvent event : watch.next(INTERVAL)) {
                    output.send(FrameType.FILE_EVENT, json(request.path(), event));
                }
            }
        }
    }

    /** A peer that watches has nothing more to say: whatever comes is the end, and so is that we leave him. */
    private void awaitEnd(FileWatch watch) {
        try {
            connection.input().header();
        } catch (IOException _) {
            // the end too
        } finally {
            watch.close();
        }
    }

    private static String json(FileInfo file) {
        return JsonWriter.object(json -> json.field("name", file.name().toString())
                .field("kind", file.kind().text())
                .field("size", file.size())
                .field("mode", file.mode())
                .field("mtime_secs", file.modified().getEpochSecond())
                .field("mtime_nanos", file.modified().getNano())
                .field("uid", file.user())
                .field("gid", file.group())
                .field("symlink_target", file.target().map(FilePath::toString)));
    }

    private static String json(FilePath watched, FileEvent event) {
        return JsonWriter.object(json -> json.field("kind", event.kind().name().toLowerCase(Locale.ROOT))
                .field("path", full(watched, event.path()))
                .field("renamed_to", event.renamedTo().map(path -> full(watched, path))));
    }

    private static String full(FilePath watched, FilePath path) {
        return path.toString().equals(".")
                ? watched.toString()
                : watched.resolve(path).toString();
    }

    private static String text(Errno errno, String reason) {
        return errno.name() + ": " + reason;
    }

    /** The name of an error number comes first, whatever failed. */
    private static String text(SandboxException e) {
        if (e instanceof SandboxException.FileFailed file) {
            String name = Errno.nameOf(file.errno());
            String message = file.getMessage();
            return file.errno() == 0
                    ? text(Errno.EIO, message)
                    : message.startsWith(name) ? message : name + ": " + message;
        }
        Errno errno = e instanceof SandboxException.Closed
                ? Errno.ESHUTDOWN
                : e instanceof SandboxException.Unsupported ? Errno.EOPNOTSUPP : Errno.EINVAL;
        return text(errno, e.getMessage());
    }
}
