package dev.cay.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.Sandbox;
import dev.cay.it.AgentClient.Frame;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Port 53. */
final class AgentFileRows extends AgentRows {
    AgentFileRows(Sandbox sandbox, Path socket, AgentConformance.Abilities abilities) {
        super(sandbox, socket, abilities);
    }

    @Override
    Map<String, AgentConformance.Check> checks() {
        Map<String, AgentConformance.Check> checks = new LinkedHashMap<>();
        checks.put("FILE_WRITE and FILE_READ", this::contents);
        checks.put("FILE_WRITE in place", this::inPlace);
        checks.put("a broken upload", this::brokenUpload);
        checks.put("FILE_STAT, FILE_LIST", this::listings);
        checks.put("MKDIR, MOVE, REMOVE", this::changes);
        checks.put("FILE_ERR", this::fileErrors);
        checks.put("FILE_WATCH", this::watch);
        checks.put("TAR", this::archives);
        return checks;
    }

    private void contents() throws IOException {
        byte[] bytes = new byte[1_000_000];
        new Random(2).nextBytes(bytes);
        try (AgentClient client = files()) {
            client.send(AgentClient.WRITE, "{\"path\":\"/tmp/new/deep/file\",\"mode\":0}");
            client.upload(new ByteArrayInputStream(bytes)).next(AgentClient.ACK);
            assertThat(client.next().type()).isEqualTo(AgentClient.END);
        }
        assertThat(Lab.sh(sandbox, "stat -c '%a %u %s' /tmp/new/deep/file; stat -c %a /tmp/new/deep"))
                .isEqualTo("644 0 1000000\n755");
        try (AgentClient client = files()) {
            assertThat(client.send(AgentClient.READ, "{\"path\":\"/tmp/new/deep/file\"}")
                            .download())
                    .isEqualTo(bytes);
        }
        try (AgentClient client = files()) {
            client.send(AgentClient.READ, "{\"path\":\"/tmp/new/deep/file\",\"offset\":999990,\"length\":4}");
            assertThat(client.download()).isEqualTo(java.util.Arrays.copyOfRange(bytes, 999_990, 999_994));
        }
        try (AgentClient client = files()) {
            client.send(
                    AgentClient.WRITE,
                    "{\"path\":\"/tmp/new/deep/file\",\"mode\":448,\"uid\":7,\"gid\":8,\"atomic\":true}");
            client.upload(new ByteArrayInputStream("new".getBytes(UTF_8))).next(AgentClient.ACK);
        }
        assertThat(Lab.sh(sandbox, "stat -c '%a %u %g %s' /tmp/new/deep/file")).isEqualTo("700 7 8 3");
        for (String path : List.of("/tmp/new/deep/file", "/tmp/appended")) {
            try (AgentClient client = files()) {
                client.send(AgentClient.WRITE, "{\"path\":\"" + path + "\",\"append\":true}");
                client.upload(new ByteArrayInputStream("er".getBytes(UTF_8))).next(AgentClient.ACK);
            }
        }
        assertThat(Lab.sh(sandbox, "cat /tmp/new/deep/file; stat -c ' %a %u' /tmp/new/deep/file; cat /tmp/appended"))
                .isEqualTo("newer 700 7\ner");
    }

    /** What is not atomic is the same file afterwards, under all of its names. */
    private void inPlace() throws IOException {
        Lab.sh(
                sandbox,
                "mkdir /tmp/place; cd /tmp/place; echo a long line that was there > file; chmod 640 file; chown 7 file;"
                        + " ln file other; ln -s file link; mkfifo fifo");
        try (AgentClient client = files()) {
            client.send(AgentClient.WRITE, "{\"path\":\"/tmp/place/link\",\"atomic\":false,\"mode\":511}");
            client.upload(new ByteArrayInputStream(new byte[700_000])).next(AgentClient.ACK);
        }
        assertThat(Lab.sh(sandbox, "cd /tmp/place; stat -c '%a %u %h %s' other; readlink link"))
                .isEqualTo("640 7 2 700000\nfile");
        try (AgentClient client = files()) {
            client.send(AgentClient.WRITE, "{\"path\":\"/tmp/place/file\",\"atomic\":false}");
            client.upload(new ByteArrayInputStream("short".getBytes(UTF_8))).next(AgentClient.ACK);
        }
        assertThat(Lab.sh(sandbox, "cat /tmp/place/other")).isEqualTo("short");
        try (AgentClient client = files()) {
            client.send(AgentClient.WRITE, "{\"path\":\"/tmp/place/new/file\",\"atomic\":false,\"mode\":448}");
            client.upload(new ByteArrayInputStream("new".getBytes(UTF_8))).next(AgentClient.ACK);
        }
        assertThat(Lab.sh(sandbox, "cat /tmp/place/new/file; stat -c ' %a' /tmp/place/new/file"))
                .isEqualTo("new 700");
        for (String wrong : List.of("EISDIR /tmp/place", "ENXIO /tmp/place/fifo")) {
            String[] words = wrong.split(" ");
            try (AgentClient client = files()) {
                client.send(AgentClient.WRITE, "{\"path\":\"" + words[1] + "\",\"atomic\":false}");
                assertThat(client.send(AgentClient.DONE).next(AgentClient.ERROR).text())
                        .startsWith(words[0] + ": ");
            }
        }
        failed(AgentClient.WRITE, "{\"path\":\"/tmp/x\",\"atomic\":7}", "EINVAL");
    }

    private void brokenUpload() throws IOException {
        Lab.sh(sandbox, "mkdir /tmp/broken; echo old > /tmp/broken/file");
        try (AgentClient client = files()) {
            client.send(AgentClient.WRITE, "{\"path\":\"/tmp/broken/file\"}").send(AgentClient.DATA, new byte[100_000]);
        }
        try (AgentClient client = files()) {
            client.send(AgentClient.WRITE, "{\"path\":\"/tmp/broken/file\"}").send(AgentClient.DATA, new byte[10]);
            client.send(AgentClient.STDIN, "what?");
            assertThat(client.next(AgentClient.ERROR).text())
                    .startsWith("EIO: ")
                    .contains("STDIN");
        }
        assertThat(Lab.sh(
                        sandbox,
                        "while [ $(ls -A /tmp/broken | wc -l) != 1 ]; do sleep 0.05; done; cat /tmp/broken/file"))
                .isEqualTo("old");
    }

    private void listings() throws IOException {
        Lab.sh(
                sandbox,
                "mkdir /tmp/listed; cd /tmp/listed; echo 12345 > file; chmod 640 file; ln -s /no/where link; mkdir empty");
        try (AgentClient client = files()) {
            String stat = client.send(AgentClient.STAT, "{\"path\":\"/tmp/listed/file\"}")
                    .next(AgentClient.STAT_ANSWER)
                    .text();
            assertThat(stat)
                    .contains(
                            "\"name\":\"file\"",
                            "\"kind\":\"file\"",
                            "\"size\":6",
                            "\"mode\":416",
                            "\"uid\":0",
                            "\"gid\":0")
                    .containsPattern("\"mtime_secs\":[0-9]{10},\"mtime_nanos\":[0-9]+");
        }
        try (AgentClient client = files()) {
            assertThat(client.send(AgentClient.STAT, "{\"path\":\"/tmp/listed/link\"}")
                            .next(AgentClient.STAT_ANSWER)
                            .text())
                    .contains("\"kind\":\"symlink\"", "\"symlink_target\":\"/no/where\"");
        }
        assertThat(list("/tmp/listed"))
                .hasSize(1)
                .first()
                .asString()
                .startsWith("[{")
                .endsWith("}]")
                .contains("empty", "link", "file");
        assertThat(list("/tmp/listed/empty")).containsExactly("[]");
        Lab.sh(
                sandbox,
                "mkdir /tmp/many; cd /tmp/many; i=0; while [ $i -lt 1000 ]; do : > a-name-that-is-not-short-$i; i=$((i+1)); done");
        List<String> pages = list("/tmp/many");
        assertThat(pages).hasSizeGreaterThan(1);
        assertThat(String.join("", pages).split("\"name\":\"a-name-that-is-not-short-[0-9]+\"", -1))
                .hasSize(1001);
    }

    private List<String> list(String path) throws IOException {
        List<String> pages = new java.util.ArrayList<>();
        try (AgentClient client = files()) {
            client.send(AgentClient.LIST, "{\"path\":\"" + path + "\"}");
            Frame frame = client.next();
            for (; frame.type() == AgentClient.LIST_ANSWER; frame = client.next()) {
                pages.add(frame.text());
            }
            assertThat(frame.type()).as(frame.text()).isEqualTo(AgentClient.DONE);
        }
        return pages;
    }

    private void acknowledged(int type, String request) throws IOException {
        try (AgentClient client = files()) {
            client.send(type, request).next(AgentClient.ACK);
            assertThat(client.next().type()).isEqualTo(AgentClient.END);
        }
    }

    private void changes() throws IOException {
        acknowledged(AgentClient.MKDIR, "{\"path\":\"/tmp/made/below\"}");
        acknowledged(AgentClient.MKDIR, "{\"path\":\"/tmp/made/secret\",\"mode\":448}");
        assertThat(Lab.sh(sandbox, "stat -c %a /tmp/made /tmp/made/below /tmp/made/secret"))
                .isEqualTo("755\n755\n700");
        acknowledged(AgentClient.MOVE, "{\"from\":\"/tmp/made/below\",\"to\":\"/tmp/made/other\"}");
        acknowledged(AgentClient.REMOVE, "{\"path\":\"/tmp/made/other\"}");
        assertThat(Lab.sh(sandbox, "ls /tmp/made")).isEqualTo("secret");
        acknowledged(AgentClient.REMOVE, "{\"path\":\"/tmp/made\",\"recursive\":true}");
        assertThat(Lab.attempt(sandbox, "ls /tmp/made")).contains("No such file");
    }

    private void failed(int type, String request, String errno) throws IOException {
        try (AgentClient client = files()) {
            assertThat(client.send(type, request).next(AgentClient.ERROR).text())
                    .startsWith(errno + ": ");
            assertThat(client.next().type()).isEqualTo(AgentClient.END);
        }
    }

    private void fileErrors() throws IOException {
        failed(AgentClient.READ, "{\"path\":\"/no/such/file\"}", "ENOENT");
        failed(AgentClient.STAT, "{\"path\":\"/no/such/file\"}", "ENOENT");
        failed(AgentClient.LIST, "{\"path\":\"/etc/passwd\"}", "ENOTDIR");
        failed(AgentClient.MOVE, "{\"from\":\"/no/such/file\",\"to\":\"/tmp/x\"}", "ENOENT");
        failed(AgentClient.MOVE, "{\"path\":\"/no/such/file\",\"to\":\"/tmp/x\"}", "EINVAL");
        failed(AgentClient.READ, "{\"path\":7}", "EINVAL");
        failed(AgentClient.READ, "{\"path\":\"\"}", "EINVAL");
        failed(AgentClient.READ, "{\"path\":\"/etc/passwd\",\"offset\":-1}", "EINVAL");
        Lab.sh(sandbox, "mkdir -p /tmp/full/inner");
        failed(AgentClient.REMOVE, "{\"path\":\"/tmp/full\"}", "ENOTEMPTY");
        try (AgentClient client = files()) { // told behind all that was on its way, not by a broken connection
            client.send(AgentClient.WRITE, "{\"path\":\"/tmp/full\"}");
            client.upload(new ByteArrayInputStream(new byte[2_000_000]));
            assertThat(client.next(AgentClient.ERROR).text()).startsWith("EISDIR: ");
        }
    }

    private void watch() throws IOException {
        Lab.sh(sandbox, "mkdir -p /tmp/watched/below");
        try (AgentClient client = files()) {
            client.send(AgentClient.WATCH, "{\"path\":\"/tmp/watched\",\"recursive\":true}")
                    .next(AgentClient.ACK);
            Lab.sh(sandbox, "echo x > /tmp/watched/below/file");
            assertThat(client.next(AgentClient.EVENT).text())
                    .contains("\"kind\":\"created\"", "\"path\":\"/tmp/watched/below/file\"");
            Lab.sh(sandbox, "mv /tmp/watched/below/file /tmp/watched/renamed");
            Frame event = client.next(AgentClient.EVENT);
            while (!event.text().contains("renamed\"")) {
                event = client.next(AgentClient.EVENT);
            }
            assertThat(event.text())
                    .contains("\"path\":\"/tmp/watched/below/file\"", "\"renamed_to\":\"/tmp/watched/renamed\"");
        }
        failed(AgentClient.WATCH, "{\"path\":\"/no/such/directory\"}", "ENOENT");
    }

    private void archives() throws IOException {
        Lab.sh(sandbox, "mkdir -p /tmp/tree/below; echo content > /tmp/tree/below/file; ln -s below /tmp/tree/link");
        byte[] archive;
        try (AgentClient client = AgentClient.greeted(socket, AgentClient.FILES)) {
            archive = client.send(AgentClient.TAR_READ, "{\"path\":\"/tmp/tree\"}")
                    .download();
        }
        Lab.sh(sandbox, "mkdir /tmp/copy");
        try (AgentClient client = AgentClient.greeted(socket, AgentClient.FILES)) {
            client.send(AgentClient.TAR_WRITE, "{\"path\":\"/tmp/copy\"}");
            client.upload(new ByteArrayInputStream(archive)).next(AgentClient.ACK);
        }
        assertThat(Lab.sh(sandbox, "cat /tmp/copy/tree/link/file; readlink /tmp/copy/tree/link"))
                .isEqualTo("content\nbelow");
        try (AgentClient client = AgentClient.greeted(socket, AgentClient.FILES)) {
            client.send(AgentClient.TAR_WRITE, "{\"path\":\"/tmp/copy\"}");
            client.upload(new ByteArrayInputStream(new byte[] {1, 2, 3}));
            assertThat(client.next(AgentClient.ERROR).text()).isNotEmpty();
        }
    }
}
