package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** All that can lie between a pull and a real registry: proxies, mirrors, credentials of others, cut connections, signals. */
@ExtendWith(RootLane.class)
final class PullingTest {
    /** What a proxy and a registry are told by who knows the password of {@link RegistryLab}. */
    private static final String BASIC = "Basic "
            + Base64.getEncoder()
                    .encodeToString((RegistryLab.USER + ":" + RegistryLab.PASSWORD).getBytes(StandardCharsets.UTF_8));

    private static final String LOGIN = RegistryLab.USER + ":" + RegistryLab.PASSWORD + "@";
    private static final int PATIENCE_SECONDS = 60;

    private static RegistryLab registry;
    private static RegistryLab secure;

    @BeforeAll
    static void start() {
        registry = RegistryLab.open();
        secure = RegistryLab.secure();
        Path image = ImageArchives.ODD.make();
        registry.push("docker-archive:" + image, "a/odd:1");
        secure.push("docker-archive:" + image, "a/odd:1");
    }

    @AfterAll
    static void end() {
        registry.close();
        secure.close();
    }

    private static OtherProcess process(OwnStore store, Map<String, String> environment) {
        Map<String, String> whole = new HashMap<>(Map.of("HOME", Lab.directory().toString()));
        whole.putAll(environment);
        return OtherProcess.start(store.wrapper(), whole);
    }

    private static void pulled(OwnStore store, Map<String, String> environment, String name) {
        try (OtherProcess process = process(store, environment)) {
            assertThat(process.tell("image", "pull", name)).startsWith("sha256:");
            assertThat(process.tell("image", "check")).isEqualTo("[]");
            process.tell("image", "remove", name);
            process.tell("image", "prune");
        }
    }

    private static String refused(OwnStore store, Map<String, String> environment, String name) {
        try (OtherProcess process = process(store, environment)) {
            process.order("image", "pull", name);
            String answer = process.answer().orElseThrow();
            assertThat(answer).startsWith("failed ");
            assertThat(process.tell("image", "check")).isEqualTo("[]");
            assertThat(process.tell("image", "list")).isEqualTo("[]");
            assertThat(store.half()).isEmpty();
            return answer;
        }
    }

    /** Each layer is cut, and what has come is not asked for again. */
    @ParameterizedTest
    @ValueSource(ints = {1, 100, 5000, -1})
    void whatIsCutIsContinued(int offset) throws IOException {
        OwnStore store = OwnStore.open();
        Set<String> cut = ConcurrentHashMap.newKeySet();
        try (Relay relay = new Relay(registry)) {
            relay.passing((request, from, to) -> {
                byte[] body = from.readAllBytes();
                boolean now = request.isForBlob() && body[0] != '{' && cut.add(request.line());
                to.write(body, 0, now ? Math.max(1, Math.floorMod(offset, body.length)) : body.length);
            });
            pulled(store, Map.of(), relay.name() + "/a/odd:1");

            assertThat(cut).hasSize(3);
            for (String line : cut) {
                List<String> ranges = relay.requests().stream()
                        .filter(request -> request.line().equals(line))
                        .map(Relay.Request::range)
                        .toList();
                assertThat(ranges).hasSize(2).first().isEqualTo("");
                assertThat(ranges.get(1)).matches(offset < 0 ? "bytes=[1-9][0-9]+-" : "bytes=[1-9][0-9]{0,3}-");
            }
        }
    }

    @Test
    void otherBytesAreRefused() throws IOException {
        try (Relay relay = new Relay(registry)) {
            relay.passing((request, from, to) -> {
                byte[] body = from.readAllBytes();
                if (request.isForBlob() && body.length > 1000) {
                    body[body.length / 2] ^= 1;
                }
                to.write(body);
            });
            assertThat(refused(OwnStore.open(), Map.of(), relay.name() + "/a/odd:1"))
                    .startsWith("failed bad-image");
        }
    }

    @Test
    void aProxyWithAPasswordLeadsToAnEncryptedRegistry() throws IOException {
        String name = RegistryLab.HOST + "/a/odd:1";
        OwnStore store = OwnStore.open()
                .registries("{\"name\":\"" + RegistryLab.HOST + "\",\"authorities\":\"" + secure.authorities() + "\"}");
        Path auth = Files.writeString(
                Lab.directory().resolve("auth.json"),
                "{\"auths\":{\"" + RegistryLab.HOST + "\":{\"auth\":\"" + BASIC.substring("Basic ".length()) + "\"}}}");
        try (Relay relay = new Relay(secure, Optional.of(BASIC))) {
            Map<String, String> environment = new HashMap<>(
                    Map.of("REGISTRY_AUTH_FILE", auth.toString(), "https_proxy", "http://" + LOGIN + relay.name()));
            pulled(store, environment, name);
            assertThat(relay.requests())
                    .isNotEmpty()
                    .allMatch(request -> request.line().equals("CONNECT " + RegistryLab.HOST + ":443"));

            environment.put("https_proxy", "http://cay:wrong@" + relay.name());
            assertThat(refused(store, environment, name))
                    .contains("failed registry-failed", "the proxy " + relay.name(), "does not accept");
            environment.put("https_proxy", relay.name());
            assertThat(refused(store, environment, name)).contains("wants a user and a password");
            environment.put("NO_PROXY", "other.example," + RegistryLab.HOST.replaceFirst("[a-z]+", ""));
            assertThat(refused(store, environment, name))
                    .contains(RegistryLab.HOST + ": there is no host of that name");
        }
    }

    @Test
    void aProxyLeadsToARegistryWithoutEncryption() throws IOException {
        String host = "plain.invalid:5000";
        OwnStore store = OwnStore.open().registries("{\"name\":\"" + host + "\",\"insecure\":true}");
        try (Relay relay = new Relay(registry, Optional.of(BASIC))) {
            String proxy = "http://" + LOGIN + relay.name();
            pulled(store, Map.of("ALL_PROXY", proxy), host + "/a/odd:1");

            assertThat(relay.requests())
                    .anyMatch(request -> request.line().equals("CONNECT " + host)) // TLS is tried
                    .anyMatch(request -> request.line().startsWith("GET http://" + host + "/v2/a/odd/blobs/"));
        }
    }

    @Test
    void mirrorsStandInForTheRegistry() throws IOException {
        try (Relay broken = new Relay(registry)) {
            OwnStore store = OwnStore.open()
                    .registries("{\"name\":\"docker.io\",\"mirrors\":[\"mirror.invalid\",\"" + broken.name() + "\",\""
                            + registry.name() + "\"]}");
            broken.passing((request, from, to) -> {
                if (request.isForBlob()) {
                    from.transferTo(to);
                } else {
                    to.write(new byte[5000]);
                }
            });
            pulled(store, Map.of(), "a/odd:1");
            assertThat(broken.requests())
                    .anyMatch(request -> request.line().contains("/manifests/1"))
                    .anyMatch(Relay.Request::isForBlob);
        }
    }

    /** Its certificate is nobody's that is trusted here. */
    @Test
    void aRegistryMayBeInsecure() {
        OwnStore store = OwnStore.open();
        try (OtherProcess process = process(store, Map.of())) {
            process.tell("image", "login", secure.name() + " " + RegistryLab.USER + " " + RegistryLab.PASSWORD);
            process.tell("image", "pull", secure.name() + "/a/odd:1");
        }
    }

    @Test
    void whoIsLoggedInElsewhereIsHere() throws IOException {
        Path home = Lab.directory();
        Path programs = Lab.directory();
        Path helper = programs.resolve("docker-credential-lab");
        Files.writeString(helper, """
                #!/bin/sh
                read -r registry || :
                echo "$1 $registry" >> %s/asked
                printf '{"ServerURL":"%%s","Username":"%s","Secret":"%s"}' "$registry"
                """.formatted(programs, RegistryLab.USER, RegistryLab.PASSWORD));
        Files.setPosixFilePermissions(helper, PosixFilePermissions.fromString("rwxr-xr-x"));
        Path docker = Files.createDirectories(home.resolve(".docker")).resolve("config.json");
        Map<String, String> environment =
                Map.of("HOME", home.toString(), "PATH", programs + ":" + System.getenv("PATH"));
        String name = secure.name() + "/a/odd:1";

        assertThat(refused(OwnStore.open(), environment, name)).contains("wants to know who asks");
        for (String field : List.of("\"credsStore\":\"lab\"", "\"credHelpers\":{\"" + secure.name() + "\":\"lab\"}")) {
            Files.writeString(docker, "{" + field + "}");
            pulled(OwnStore.open(), environment, name);
        }
        assertThat(programs.resolve("asked")).content().isEqualTo(("get " + secure.name() + "\n").repeat(2));
        Files.writeString(docker, "{\"credsStore\":\"missing\"}");
        assertThat(refused(OwnStore.open(), environment, name)).contains("docker-credential-missing");
        // As podman login and docker login write it.
        Files.delete(docker);
        Path podman =
                Files.createDirectories(home.resolve(".config/containers")).resolve("auth.json");
        for (Path file : List.of(podman, docker)) {
            Lab.onHost(
                    "skopeo",
                    "login",
                    "--tls-verify=false",
                    "--authfile",
                    file.toString(),
                    "-u",
                    RegistryLab.USER,
                    "-p",
                    RegistryLab.PASSWORD,
                    secure.name());
            pulled(OwnStore.open(), environment, name);
            Files.delete(file);
        }
    }

    /** A second process that pulls the same waits for what the first one brings. */
    @Test
    void aSecondProcessJoinsTheFirst() throws IOException {
        OwnStore store = OwnStore.open();
        CountDownLatch flow = new CountDownLatch(1);
        try (Relay relay = new Relay(registry)) {
            holdLayers(relay, flow);
            String name = relay.name() + "/a/odd:1";
            try (OtherProcess first = process(store, Map.of());
                    OtherProcess second = process(store, Map.of())) {
                first.order("image", "pull", name);
                relay.await(all -> layers(all).size() == 3);
                second.order("image", "pull", name);
                relay.await(all -> all.stream()
                                        .filter(one -> one.line().contains("/manifests/1"))
                                        .count()
                                == 2
                        && all.stream().filter(Relay.Request::isForBlob).count() == 5);
                flow.countDown();
                assertThat(first.answer().orElseThrow()).startsWith("ok sha256:");
                assertThat(second.answer().orElseThrow()).startsWith("ok sha256:");
                assertThat(first.tell("image", "check")).isEqualTo("[]");
            }
            assertThat(layers(relay.requests())).hasSize(3).doesNotHaveDuplicates();
            assertThat(store.half()).isEmpty();
        }
    }

    /** What is asked for of blobs once an image's config is known, which comes first and is asked for by everybody. */
    private static List<Relay.Request> layers(List<Relay.Request> requests) {
        List<Relay.Request> blobs =
                requests.stream().filter(Relay.Request::isForBlob).toList();
        return blobs.isEmpty()
                ? blobs
                : blobs.stream().filter(blob -> !blob.equals(blobs.get(0))).toList();
    }

    private static void holdLayers(Relay relay, CountDownLatch flow) {
        Set<String> configs = ConcurrentHashMap.newKeySet();
        relay.passing((request, from, to) -> {
            byte[] body = from.readAllBytes();
            if (request.isForBlob() && body.length > 0 && body[0] == '{') {
                configs.add(request.line());
            }
            boolean held = request.isForBlob() && !configs.contains(request.line());
            to.write(body, 0, held ? body.length / 2 : body.length);
            to.flush();
            try {
                if (held && flow.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                    to.write(body, body.length / 2, body.length - body.length / 2);
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
    }

    /** Killed in the middle of all layers; then two at a time. */
    @Test
    void whoIsKilledIsInNobodysWay() throws IOException {
        OwnStore store = OwnStore.open();
        try (Relay relay = new Relay(registry)) {
            String name = relay.name() + "/a/odd:1";
            holdLayers(relay, new CountDownLatch(1));
            try (OtherProcess killed = process(store, Map.of())) {
                killed.order("image", "pull", name);
                relay.await(all -> layers(all).size() == 3);
                killed.kill();
            }
            assertThat(store.half()).isNotEmpty();
            relay.passing((request, from, to) -> from.transferTo(to));
            try (OtherProcess first = process(store, Map.of());
                    OtherProcess second = process(store, Map.of())) {
                assertThat(first.tell("image", "check")).isEqualTo("[]");
                first.order("image", "pull", name);
                second.order("image", "pull", name);
                assertThat(first.answer().orElseThrow()).startsWith("ok sha256:");
                assertThat(second.answer().orElseThrow()).startsWith("ok sha256:");
                assertThat(first.tell("image", "check")).isEqualTo("[]");
                first.tell("image", "prune");
                assertThat(store.half()).isEmpty();
                assertThat(second.tell("image", "run", name + " cat /first")).contains("twice");
            }
        }
    }

    /** Ctrl-C in the middle of all layers of {@code cay pull}. */
    @ParameterizedTest
    @CsvSource({"INT, 130", "TERM, 143", "HUP, 129"})
    void aSignalLeavesNothing(String signal, int exit) throws Exception {
        OwnStore store = OwnStore.open();
        CountDownLatch flow = new CountDownLatch(1);
        try (Relay relay = new Relay(registry)) {
            holdLayers(relay, flow);
            List<String> command = CommandLine.of(store, "pull", relay.name() + "/a/odd:1");
            Process process =
                    new ProcessBuilder(command).redirectErrorStream(true).start();
            process.getOutputStream().close();
            relay.await(all -> layers(all).size() == 3);
            assertThat(store.half()).isNotEmpty();
            Lab.onHost("kill", "-" + signal, Long.toString(process.pid()));
            assertThat(process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
            String said = Lab.rest(process.getInputStream());

            assertThat(process.exitValue()).as(said).isEqualTo(exit);
            assertThat(said.lines().collect(Collectors.toSet()))
                    .noneMatch(line -> line.contains("Exception"))
                    .anyMatch(line -> line.contains("3 layers"));
            assertThat(store.half()).isEmpty();
            process.getInputStream().close();
            process.getErrorStream().close();
        }
        try (OtherProcess next = process(store, Map.of())) {
            assertThat(next.tell("image", "check")).isEqualTo("[]");
            assertThat(next.tell("image", "list")).isEqualTo("[]");
        }
    }

    /** Each layer has one line, which is painted anew, also where the terminal is narrower than that. */
    @ParameterizedTest
    @ValueSource(ints = {80, 40})
    void aTerminalShowsHowFarLayersAre(int columns) throws IOException {
        Path directory = Lab.directory();
        String apart =
                OwnStore.open().wrapper().stream().map(word -> "'" + word + "'").collect(Collectors.joining(" "));
        Files.writeString(directory.resolve("own"), "exec " + apart + " \"$@\"\n");
        CountDownLatch flow = new CountDownLatch(1);
        try (Relay relay = new Relay(registry);
                Tmux terminal = new Tmux(directory)) {
            holdLayers(relay, flow);
            terminal.resize(columns, 24);
            terminal.line("sh " + directory + "/own cay pull " + relay.name() + "/a/odd:1");
            terminal.await("a bar of each layer", screen -> lines(screen, "  [0-9a-f]{12}  pulling \\[-{8}.*") == 3);
            flow.countDown();
            terminal.await("its digest", screen -> screen.replace("\n", "").contains("sha256:"));
            terminal.await(
                    "nothing but that each layer is done",
                    screen -> lines(screen, "  [0-9a-f]{12}  .*") == 3
                            && lines(screen, "  [0-9a-f]{12}  done  [0-9.]+[kmg]?") == 3);
        }
    }

    private static long lines(String screen, String form) {
        return screen.lines().filter(line -> line.matches(form)).count();
    }

    /** Full before the first document, in the middle of a layer, and almost at the end. */
    @ParameterizedTest
    @ValueSource(strings = {"16k", "200k", "1m"})
    void aFullDiskLeavesNothingHalfDone(String size) {
        try (OtherProcess process = process(OwnStore.small(size), Map.of())) {
            process.order("image", "pull", registry.name() + "/a/odd:1");
            assertThat(process.answer().orElseThrow())
                    .startsWith("failed host-failed")
                    .contains("No space left");
            assertThat(process.tell("image", "list")).isEqualTo("[]");
            assertThat(process.tell("image", "check")).isEqualTo("[]");
            process.tell("image", "prune");
            assertThat(process.tell("image", "check")).isEqualTo("[]");
        }
    }
}
