package dev.cay.engine.image;

import static java.util.Objects.requireNonNull;

import dev.cay.SandboxException;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * The name of an image, whole: {@code REGISTRY/REPOSITORY[:TAG][@DIGEST]}. Written down it may lack its registry, which is then
 * Docker's, where what is in no other folder is in {@code library/}; and its tag, which is then {@code latest}. So does Docker read
 * names, and so are they written in the world: github.com/distribution/reference.
 *
 * @param registry the name of a host, and its port if it is not the usual one
 * @param repository the folders and the name of the image in the registry
 * @param tag which of its versions; empty if there is a digest
 * @param digest which of its versions, unchangeably
 */
public record Reference(String registry, String repository, Optional<String> tag, Optional<Digest> digest) {
    /** The registry of names that have none. */
    public static final String DEFAULT_REGISTRY = "docker.io";

    private static final String OLD_DEFAULT_REGISTRY = "index.docker.io";
    private static final String OFFICIAL = "library/";
    private static final String DEFAULT_TAG = "latest";
    private static final int MAXIMUM_REPOSITORY = 255;

    private static final Pattern TAG = Pattern.compile("[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}");
    private static final Pattern COMPONENT = Pattern.compile("[a-z0-9]++(?:(?:[._]|__|-++)[a-z0-9]++)*+");
    private static final Pattern REGISTRY = Pattern.compile(
            "(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*|\\[[a-fA-F0-9:]+])(?::[0-9]{1,5})?");
    private static final Pattern ID = Pattern.compile("[0-9a-f]{64}");

    public Reference {
        requireNonNull(registry, "registry is null");
        requireNonNull(repository, "repository is null");
        requireNonNull(tag, "tag is null");
        requireNonNull(digest, "digest is null");
        if (tag.isPresent() == digest.isPresent()) {
            throw new IllegalArgumentException("an image has a tag or a digest");
        }
    }

    /** Written out, as is {@link #hashCode}: those that a record has by itself cost a cold JVM milliseconds. */
    @Override
    public boolean equals(Object other) {
        return other instanceof Reference reference
                && registry.equals(reference.registry)
                && repository.equals(reference.repository)
                && tag.equals(reference.tag)
                && digest.equals(reference.digest);
    }

    @Override
    public int hashCode() {
        return 31 * repository.hashCode() + tag.hashCode();
    }

    /**
     * Reads the name of an image as people write it. A tag before a digest is checked and dropped: the digest says all.
     *
     * @throws SandboxException.InvalidSpec if it is none
     */
    public static Reference parse(String text) {
        String rest = text;
        Optional<Digest> digest = Optional.empty();
        int at = rest.indexOf('@');
        if (at >= 0) {
            digest = Digest.parse(rest.substring(at + 1));
            if (digest.isEmpty()) {
                throw refused(text, "what follows @ is no digest");
            }
            rest = rest.substring(0, at);
        }
        Optional<String> tag = Optional.empty();
        int colon = rest.lastIndexOf(':');
        if (colon > rest.lastIndexOf('/')) {
            tag = Optional.of(rest.substring(colon + 1));
            if (!TAG.matcher(tag.get()).matches()) {
                throw refused(text, "what follows : is no tag");
            }
            rest = rest.substring(0, colon);
        }
        String registry = DEFAULT_REGISTRY;
        String repository = rest;
        int slash = rest.indexOf('/');
        if (slash >= 0 && isRegistry(rest.substring(0, slash))) {
            registry = registry(rest.substring(0, slash), text);
            repository = rest.substring(slash + 1);
        } else if (ID.matcher(rest).matches()) {
            throw refused(text, "it looks like the id of an image");
        }
        if (registry.equals(DEFAULT_REGISTRY) && repository.indexOf('/') < 0) {
            repository = OFFICIAL + repository;
        }
        checkRepository(repository, text);
        if (digest.isPresent()) {
            return new Reference(registry, repository, Optional.empty(), digest);
        }
        return new Reference(registry, repository, Optional.of(tag.orElse(DEFAULT_TAG)), Optional.empty());
    }

    /**
     * The name of a registry as people write it.
     *
     * @throws SandboxException.InvalidSpec if it is none
     */
    public static String registry(String text) {
        return registry(text, text);
    }

    private static String registry(String name, String whole) {
        if (name.equals(OLD_DEFAULT_REGISTRY)) {
            return DEFAULT_REGISTRY;
        }
        if (name.length() > MAXIMUM_REPOSITORY || !REGISTRY.matcher(name).matches()) {
            throw refused(whole, "'" + shown(name) + "' is no registry");
        }
        return name;
    }

    /** What stands before the first slash is a folder unless it has what only the name of a host has. */
    private static boolean isRegistry(String first) {
        if (first.equals("localhost") || first.indexOf('.') >= 0 || first.indexOf(':') >= 0) {
            return true;
        }
        for (int i = 0; i < first.length(); i++) {
            if (first.charAt(i) >= 'A' && first.charAt(i) <= 'Z') {
                return true;
            }
        }
        return false;
    }

    private static void checkRepository(String repository, String text) {
        if (repository.length() > MAXIMUM_REPOSITORY) {
            throw refused(text, "it is longer than " + MAXIMUM_REPOSITORY + " characters");
        }
        for (String component : repository.split("/", -1)) {
            if (!COMPONENT.matcher(component).matches()) {
                boolean upper = !component.equals(component.toLowerCase(Locale.ROOT));
                throw refused(
                        text,
                        upper
                                ? "capital letters are not possible in the name of an image"
                                : "'" + shown(component) + "' cannot be part of it");
            }
        }
    }

    private static SandboxException refused(String text, String why) {
        return new SandboxException.InvalidSpec(
                "'" + shown(text) + "' is not the name of an image: " + why, "write [REGISTRY/]NAME[:TAG][@DIGEST]");
    }

    private static String shown(String text) {
        return text.length() <= 80 ? text : text.substring(0, 80) + "...";
    }

    /** The same image of the same registry, by its digest. */
    Reference at(Digest other) {
        return new Reference(registry, repository, Optional.empty(), Optional.of(other));
    }

    /** What a registry is asked for: the digest or the tag. */
    String version() {
        return digest.map(Digest::toString).orElseGet(tag::get);
    }

    /** Without the version. */
    String name() {
        return registry + "/" + repository;
    }

    /** As people write it: without what goes without saying. */
    public String familiar() {
        String name = name();
        if (registry.equals(DEFAULT_REGISTRY)) {
            String brief = repository;
            if (repository.startsWith(OFFICIAL) && repository.indexOf('/', OFFICIAL.length()) < 0) {
                brief = repository.substring(OFFICIAL.length());
            }
            int slash = brief.indexOf('/');
            boolean misread = slash < 0 ? ID.matcher(brief).matches() : isRegistry(brief.substring(0, slash));
            name = misread ? name : brief;
        }
        return name + suffix();
    }

    private String suffix() {
        return digest.isPresent() ? "@" + digest.get() : ":" + tag.get();
    }

    /** Whole; {@link #parse} makes the same of it. */
    @Override
    public String toString() {
        return name() + suffix();
    }
}
