package dev.cay.engine.agent;

import dev.cay.FilePath;
import dev.cay.SandboxException;
import dev.cay.WriteOptions;
import dev.cay.engine.json.JsonReader;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What a request of port 53 asks for; which of its fields count depends on the frame.
 *
 * @param path of the file
 * @param to where it is moved
 * @param mode its permissions; empty for what is usual
 * @param user its owner
 * @param group its group
 * @param offset where reading begins
 * @param length how many bytes are read at the most
 * @param recursive whether what is below it is meant too
 * @param append whether content is added to its end
 * @param atomic whether content takes the place of the file as a whole; else it is written into the file that is there
 */
record FileRequest(
        FilePath path,
        Optional<FilePath> to,
        Optional<Integer> mode,
        OptionalLong user,
        OptionalLong group,
        long offset,
        long length,
        boolean recursive,
        boolean append,
        boolean atomic) {
    private static final int MAXIMUM_MODE = 07777;
    private static final int MAXIMUM_ID = 65_534;

    static FileRequest read(FrameType type, byte[] payload) throws RefusalException {
        Fields fields = new Fields(type == FrameType.FILE_MOVE_REQ ? "from" : "path");
        JsonRequest.read(payload, type.name(), fields);
        if (fields.path.isEmpty() || type == FrameType.FILE_MOVE_REQ && fields.to.isEmpty()) {
            throw new RefusalException(type + " does not name its file");
        }
        try {
            return new FileRequest(
                    FilePath.of(fields.path),
                    Optional.of(fields.to).filter(text -> !text.isEmpty()).map(FilePath::of),
                    Optional.of(fields.mode).filter(mode -> mode != 0),
                    fields.user,
                    fields.group,
                    fields.offset,
                    fields.length,
                    fields.recursive,
                    fields.append,
                    fields.atomic);
        } catch (SandboxException.InvalidSpec e) {
            throw new RefusalException(e.getMessage());
        }
    }

    WriteOptions writing() {
        return new WriteOptions(mode.orElse(WriteOptions.STANDARD.mode()), user, group, true);
    }

    private static final class Fields implements JsonRequest.Fields {
        private final String pathField;
        private String path = "";
        private String to = "";
        private int mode;
        private OptionalLong user = OptionalLong.empty();
        private OptionalLong group = OptionalLong.empty();
        private long offset;
        private long length = Long.MAX_VALUE;
        private boolean recursive;
        private boolean append;
        private boolean atomic = true;

        Fields(String pathField) {
            this.pathField = pathField;
        }

        @Override
        public boolean read(String field, JsonReader value) {
            if (field.equals(pathField)) {
                path = value.text(field);
                return true;
            }
            switch (field) {
                case "to" -> to = value.text(field);
                case "mode" -> mode = value.number(field, MAXIMUM_MODE);
                case "uid" -> user = OptionalLong.of(value.number(field, MAXIMUM_ID));
                case "gid" -> group = OptionalLong.of(value.number(field, MAXIMUM_ID));
                case "offset" -> offset = size(field, value);
                case "length" -> length = size(field, value);
                case "recursive" -> recursive = value.flag(field);
                case "append" -> append = value.flag(field);
                case "atomic" -> atomic = value.flag(field);
                default -> {
                    return false;
                }
            }
            return true;
        }

        private static long size(String field, JsonReader value) {
            long size = value.unsigned(field);
            if (size < 0) {
                throw value.refused(field + " is larger than a file can be");
            }
            return size;
        }
    }
}
