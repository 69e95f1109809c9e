package dev.cay.engine.seccomp;

import dev.cay.SandboxException;
import dev.cay.engine.json.JsonReader;
import dev.cay.engine.seccomp.Condition.Operator;
import dev.cay.engine.seccomp.SeccompProfile.Rule;
import dev.cay.linux.Architecture;
import dev.cay.linux.KernelVersion;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Reads profiles: {@code linux.seccomp} of the OCI runtime specification, Docker's form of it (archMap, and rules that
 * hold only for some capabilities, architectures or kernels), and the containers project's (errno names beside
 * numbers).
 *
 * <p>The order of rules means nothing in those forms. Here, of all rules that match a call the strictest decides, among
 * equally strict ones the first: never less than libseccomp, whose own answer to rules that contradict each other
 * depends on how they were added.
 *
 * <p>Names of calls that we do not know are passed over, as libseccomp and Docker do: profiles name the calls of all
 * architectures. Everything else that we do not understand is refused, because reading a rule as if the unknown part
 * were not there would make another policy of it.
 */
final class ProfileParser {
    /** The longest text of a profile, in characters; Docker's default has some 20,000. */
    static final int MAXIMUM_TEXT = 1 << 20;

    private static final String CAPABILITY_PREFIX = "CAP_";

    /** Flags of the OCI specification. None of them makes a filter allow less, so they need not be obeyed. */
    private static final Set<String> FLAGS = Set.of(
            "SECCOMP_FILTER_FLAG_TSYNC", // there is one thread when the filter is installed
            "SECCOMP_FILTER_FLAG_LOG", // the kernel's audit log is the host's affair
            "SECCOMP_FILTER_FLAG_SPEC_ALLOW", // would take the processor's mitigation away; we leave it on
            "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"); // for SCMP_ACT_NOTIFY, which we do not have

    private final Architecture architecture;
    private final Set<String> capabilities;
    private final KernelVersion kernel;

    /**
     * @param capabilities with or without {@code CAP_}
     * @param kernel that the filter is for
     */
    ProfileParser(Architecture architecture, Set<String> capabilities, KernelVersion kernel) {
        this.architecture = architecture;
        this.capabilities = capabilities.stream()
                .map(name -> name.startsWith(CAPABILITY_PREFIX) ? name : CAPABILITY_PREFIX + name)
                .collect(Collectors.toUnmodifiableSet());
        this.kernel = kernel;
    }

    SeccompProfile parse(String json) {
        if (json.length() > MAXIMUM_TEXT) {
            throw new SandboxException.InvalidSpec(
                    "the seccomp profile is longer than " + MAXIMUM_TEXT + " characters",
                    "profiles have some ten thousand; is it the right file?");
        }
        JsonReader reader = new JsonReader(
                json,
                "the seccomp profile",
                "correct the profile; its form is that of Docker and of the OCI runtime specification");
        return new Document(reader).read();
    }

    /** {@code SCMP_ACT_*}, not yet joined with its errno, which may stand before or after it. */
    private enum ActionName {
        ALLOW,
        LOG,
        ERRNO,
        TRAP,
        KILL_THREAD,
        KILL_PROCESS;

        Action with(OptionalInt errno) {
            return switch (this) {
                case ALLOW -> new Action.Allow();
                case LOG -> new Action.Log();
                case ERRNO -> new Action.Errno(errno.orElse(Action.Errno.EPERM));
                case TRAP -> new Action.Trap();
                case KILL_THREAD -> new Action.KillThread();
                case KILL_PROCESS -> new Action.KillProcess();
            };
        }
    }

    /** The reading of one text. Its fields are what has been read so far. */
    private final class Document {
        private final JsonReader reader;
        private final List<Rule> rules = new ArrayList<>();
        private final ErrnoFields defaultErrno;
        private List<ActionName> defaultAction = List.of();
        private boolean architectures;
        private boolean architectureMap;

        Document(JsonReader reader) {
            this.reader = reader;
            defaultErrno = new ErrnoFields(reader, "defaultErrno");
        }

        SeccompProfile read() {
            reader.document(this::field);
            if (defaultAction.isEmpty()) {
                throw reader.refused("defaultAction is missing");
            }
            if (architectures && architectureMap) {
                throw reader.refused("it has both architectures and archMap", "Docker allows only one of the two");
            }
            List<Rule> strictestFirst = new ArrayList<>(rules);
            strictestFirst.sort(Comparator.comparingInt(rule -> rule.action().rank()));
            return new SeccompProfile(
                    architecture, defaultAction.getFirst().with(defaultErrno.number()), strictestFirst);
        }

        private void field(String name) {
            switch (name) {
                case "defaultAction" -> defaultAction = List.of(actionName(name));
                case "defaultErrnoRet" -> defaultErrno.readNumber();
                case "defaultErrno" -> defaultErrno.readName();
                case "architectures" -> {
                    architectures = !reader.array(name, this::architectureName).isEmpty();
                }
                case "archMap" -> {
                    architectureMap =
                            !reader.array(name, this::architectureMapping).isEmpty();
                }
                case "flags" -> reader.array(name, this::flag);
                case "syscalls" -> reader.array(name, () -> rules.addAll(new RuleReader(reader).read()));
                case "listenerPath", "listenerMetadata" ->
                    throw new SandboxException.Unsupported(
                            "the seccomp profile has a " + name + "; Cay does not hand calls to another process",
                            "remove it, and the rules with SCMP_ACT_NOTIFY");
                default -> throw unknownField(reader, name, "the profile");
            }
        }

        // Architectures are checked, no more: what they say beyond our own is which foreign calls may run, and none
        // may.

        private String architectureName() {
            String name = reader.text("an architecture");
            if (!name.startsWith("SCMP_ARCH_")) {
                throw reader.refused("there is no architecture " + JsonReader.shown(name));
            }
            return name;
        }

        private String architectureMapping() {
            List<String> names = new ArrayList<>();
            reader.object("an element of archMap", name -> {
                switch (name) {
                    case "architecture" -> names.add(architectureName());
                    case "subArchitectures" -> reader.array(name, this::architectureName);
                    default -> throw unknownField(reader, name, "archMap");
                }
            });
            if (names.isEmpty()) {
                throw reader.refused("an element of archMap has no architecture");
            }
            return names.getFirst();
        }

        private String flag() {
            String flag = reader.text("a flag");
            if (!FLAGS.contains(flag)) {
                throw reader.refused("there is no flag " + JsonReader.shown(flag));
            }
            return flag;
        }

        private ActionName actionName(String what) {
            return ProfileParser.actionName(reader, what);
        }
    }

    /** The reading of one element of {@code syscalls}. */
    private final class RuleReader {
        private final JsonReader reader;
        private final ErrnoFields errno;
        private final Set<String> names = new HashSet<>();
        private List<ActionName> action = List.of();
        private List<Condition> conditions = List.of();
        private boolean applies = true;
        private boolean nameField;
        private boolean namesField;

        RuleReader(JsonReader reader) {
            this.reader = reader;
            errno = new ErrnoFields(reader, "errno");
        }

        List<Rule> read() {
            reader.object("an element of syscalls", this::field);
            if (nameField == namesField) {
                throw reader.refused("a rule has " + (nameField ? "both name and names" : "no names"));
            }
            if (action.isEmpty()) {
                throw reader.refused("a rule has no action");
            }
            if (!applies) {
                return List.of();
            }
            Action action = this.action.getFirst().with(errno.number());
            return alternatives().stream()
                    .map(all -> new Rule(names, action, all))
                    .toList();
        }

        private void field(String name) {
            switch (name) {
                case "name" -> {
                    nameField = true;
                    add(reader.text(name));
                }
                case "names" -> {
                    namesField = true;
                    reader.texts(name).forEach(this::add);
                }
                case "action" -> action = List.of(actionName(reader, name));
                case "errnoRet" -> errno.readNumber();
                case "errno" -> errno.readName();
                case "args" -> conditions = reader.array(name, () -> new ConditionReader(reader).read());
                case "includes" -> applies &= new FilterReader(reader).read(true);
                case "excludes" -> applies &= new FilterReader(reader).read(false);
                case "comment" -> reader.text(name);
                default -> throw unknownField(reader, name, "a rule");
            }
        }

        private void add(String name) {
            if (SystemCalls.of(architecture).number(name).isPresent()) {
                names.add(name);
            }
        }

        /**
         * All conditions must be true, but runtimes take several for one argument as alternatives
         * (opencontainers/runc#2735, because libseccomp refuses them). Where it can only be meant so, since no number
         * equals two, we do it as well.
         */
        private List<List<Condition>> alternatives() {
            long distinct =
                    conditions.stream().map(Condition::argument).distinct().count();
            if (distinct == conditions.size()) {
                return List.of(conditions);
            }
            boolean choice = distinct == 1
                    && conditions.stream().allMatch(c -> c.operator() == Operator.EQUAL && c.mask() == -1);
            if (!choice) {
                throw reader.refused(
                        "a rule compares one argument more than once: runc would take that as 'or', others as 'and'",
                        "write one rule for each alternative, with one comparison for each argument");
            }
            return conditions.stream().map(List::of).toList();
        }
    }

    /** The reading of one element of {@code args}. */
    private static final class ConditionReader {
        private final JsonReader reader;
        private OptionalInt index = OptionalInt.empty();
        private List<Long> value = List.of();
        private long valueTwo;
        private String operator = "";

        ConditionReader(JsonReader reader) {
            this.reader = reader;
        }

        Condition read() {
            reader.object("an element of args", this::field);
            if (index.isEmpty() || value.isEmpty() || operator.isEmpty()) {
                throw reader.refused("an element of args lacks index, value or op");
            }
            int argument = index.getAsInt();
            long datum = value.getFirst();
            return switch (operator) {
                case "SCMP_CMP_NE" -> Condition.of(argument, Operator.NOT_EQUAL, datum);
                case "SCMP_CMP_LT" -> Condition.of(argument, Operator.LESS, datum);
                case "SCMP_CMP_LE" -> Condition.of(argument, Operator.AT_MOST, datum);
                case "SCMP_CMP_EQ" -> Condition.of(argument, Operator.EQUAL, datum);
                case "SCMP_CMP_GE" -> Condition.of(argument, Operator.AT_LEAST, datum);
                case "SCMP_CMP_GT" -> Condition.of(argument, Operator.GREATER, datum);
                // Here value is the mask, and valueTwo, as far as the mask goes, what is compared.
                case "SCMP_CMP_MASKED_EQ" -> new Condition(argument, datum, Operator.EQUAL, valueTwo & datum);
                default -> throw reader.refused("there is no op " + JsonReader.shown(operator));
            };
        }

        private void field(String name) {
            switch (name) {
                case "index" -> index = OptionalInt.of(reader.number(name, Condition.ARGUMENTS - 1));
                case "value" -> value = List.of(reader.unsigned(name));
                case "valueTwo" -> valueTwo = reader.unsigned(name);
                case "op" -> operator = reader.text(name);
                default -> throw unknownField(reader, name, "an element of args");
            }
        }
    }

    /** The reading of {@code includes} or {@code excludes}: whether a rule holds for this sandbox. */
    private final class FilterReader {
        private final JsonReader reader;
        private boolean all = true;
        private boolean any;

        FilterReader(JsonReader reader) {
            this.reader = reader;
        }

        /** Of what an inclusion asks for, all must be there; of what an exclusion names, nothing. */
        boolean read(boolean inclusion) {
            String what = inclusion ? "includes" : "excludes";
            reader.object(what, name -> {
                switch (name) {
                    case "caps" -> reader.array(name, this::capability).forEach(this::found);
                    case "arches" -> {
                        List<String> names = reader.texts(name);
                        if (!names.isEmpty()) {
                            found(names.contains(dockerName()));
                        }
                    }
                    case "minKernel" -> found(kernel.compareTo(minimumKernel()) >= 0);
                    default -> throw unknownField(reader, name, what);
                }
            });
            return inclusion ? all : !any;
        }

        private void found(boolean present) {
            all &= present;
            any |= present;
        }

        private boolean capability() {
            String name = reader.text("a capability");
            if (!name.startsWith(CAPABILITY_PREFIX)) {
                throw reader.refused("there is no capability " + JsonReader.shown(name), "write CAP_ before its name");
            }
            return capabilities.contains(name);
        }

        private KernelVersion minimumKernel() {
            String version = reader.text("minKernel");
            return KernelVersion.parse(version)
                    .orElseThrow(() -> reader.refused("minKernel " + JsonReader.shown(version) + " is not like 4.8"));
        }

        private String dockerName() {
            return switch (architecture) {
                case X86_64 -> "amd64";
                case AARCH64 -> "arm64";
            };
        }
    }

    /** {@code errnoRet}, a number, which counts, and the containers project's {@code errno}, its name, which does not. */
    private static final class ErrnoFields {
        private final JsonReader reader;
        private final String name;
        private OptionalInt number = OptionalInt.empty();
        private boolean named;

        ErrnoFields(JsonReader reader, String name) {
            this.reader = reader;
            this.name = name;
        }

        void readNumber() {
            number = OptionalInt.of(reader.number(name + "Ret", Action.Errno.MAXIMUM));
        }

        void readName() {
            named = !reader.text(name).isEmpty();
        }

        OptionalInt number() {
            if (named && number.isEmpty()) {
                throw reader.refused(name + " stands without " + name + "Ret", "give the number as well");
            }
            return number;
        }
    }

    private static ActionName actionName(JsonReader reader, String what) {
        String name = reader.text(what);
        return switch (name) {
            case "SCMP_ACT_ALLOW" -> ActionName.ALLOW;
            case "SCMP_ACT_LOG" -> ActionName.LOG;
            case "SCMP_ACT_ERRNO" -> ActionName.ERRNO;
            case "SCMP_ACT_TRAP" -> ActionName.TRAP;
            case "SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD" -> ActionName.KILL_THREAD;
            case "SCMP_ACT_KILL_PROCESS" -> ActionName.KILL_PROCESS;
            case "SCMP_ACT_TRACE", "SCMP_ACT_NOTIFY" ->
                throw new SandboxException.Unsupported(
                        "the seccomp profile uses " + name + "; Cay does not hand calls to another process",
                        "use SCMP_ACT_ERRNO or SCMP_ACT_ALLOW for these calls");
            default -> throw reader.refused("there is no action " + JsonReader.shown(name));
        };
    }

    private static SandboxException unknownField(JsonReader reader, String name, String where) {
        return reader.refused(
                "unknown field " + JsonReader.shown(name) + " in " + where,
                "Cay refuses what it does not understand, as it may mean a stricter policy; remove it");
    }
}
