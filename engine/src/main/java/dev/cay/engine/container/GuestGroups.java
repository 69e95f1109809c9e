package dev.cay.engine.container;

import dev.cay.ExecutionUsage;
import dev.cay.Size;
import dev.cay.linux.Arg;
import dev.cay.linux.DirectoryOps;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.Mount;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Results;
import dev.cay.linux.Stub;
import dev.cay.linux.SyscallException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;

/**
 * The control groups of the commands in a machine: each has one, which holds all its descendants wherever their sessions are. They are
 * reached by a mount that hangs nowhere; the one that commands see cannot be written to. Thread-safe.
 */
final class GuestGroups implements AutoCloseable {
    private static final String PREFIX = "cay-";
    private static final int AT_REMOVEDIR = 0x200;
    private static final int LIST_SIZE = 32 * 1024;
    private static final int FILE_SIZE = 4096;

    /** What is read of cpu.stat begins with what is wanted. */
    private static final int ACCOUNT_SIZE = 256;

    /** Of so many commands is read by one list. */
    private static final int AT_ONCE = 32;

    /** Whoever was killed is gone within moments. */
    private static final int REMOVAL_ATTEMPTS = 2000;

    private static final long REMOVAL_PAUSE_NANOSECONDS = 1_000_000;

    /** After so many commands the groups of those that have ended are removed. */
    private static final int TIDY = 16;

    /** What another process may be starting, or still asks about, has one of the last numbers. */
    private static final int RECENT = 64;

    private final Stub stub;
    private final Fd groups;

    /** Numbers of commands that this process starts, or has not let go of. */
    private final Set<Integer> occupied = ConcurrentHashMap.newKeySet();

    private GuestGroups(Stub stub, Fd groups) {
        this.stub = stub;
        this.groups = groups;
    }

    /** A command's group, and the file by which all in it are killed. */
    record Entrance(Fd group, Fd kill) {}

    /** Empty if its kernel has none. */
    static Optional<GuestGroups> open(Stub stub) throws SyscallException {
        Op context = Mount.fsopen("cgroup2");
        Op mount = Mount.fsmount(context, Mount.ATTR_NOSUID | Mount.ATTR_NODEV | Mount.ATTR_NOEXEC);
        try {
            Results results = stub.run(OpList.of(context, Mount.create(context), mount, FileOps.close(context)));
            return Optional.of(new GuestGroups(stub, results.fd(mount)));
        } catch (SyscallException e) {
            if (e.is(Errno.ENODEV)) {
                return Optional.empty();
            }
            throw e;
        }
    }

    private static String name(int number) {
        return PREFIX + number;
    }

    /** Makes a group in a list of the caller's, in place of one that had its number before; {@link #enter} then. */
    Making make(int number, OpList.Builder list) {
        occupied.add(number);
        // Never into one that has had its kill written to: kernels from 6.1.124 to 6.14 kill whoever is born there
        // (kill_seq).
        list.add(remove(name(number)));
        Op made = list.add(FileOps.mkdir(Arg.of(groups), name(number), 0755).tolerating(Errno.EEXIST));
        return new Making(number, made, list.add(openKill(number)), list.add(openGroup(number)));
    }

    /** What {@link #make} has put into a list. */
    record Making(int number, Op made, Op kill, Op group) {}

    /** What {@link #make} has made: if something was still in a group of that number it is killed now, and another one made. */
    Entrance enter(Making making, Results results) throws SyscallException {
        Entrance there = new Entrance(results.fd(making.group()), results.fd(making.kill()));
        if (!results.failed(making.made())) {
            return there;
        }
        there.group().close();
        there.kill().close();
        kill(making.number());
        Op remove = remove(name(making.number()));
        for (int i = 0; stub.run(OpList.of(remove)).failed(remove) && i < REMOVAL_ATTEMPTS; i++) {
            LockSupport.parkNanos(REMOVAL_PAUSE_NANOSECONDS);
        }
        Op kill = openKill(making.number());
        Op group = openGroup(making.number());
        Results again = stub.run(OpList.of(FileOps.mkdir(Arg.of(groups), name(making.number()), 0755), kill, group));
        return new Entrance(again.fd(group), again.fd(kill));
    }

    private Op remove(String name) {
        return FileOps.unlink(Arg.of(groups), name, AT_REMOVEDIR).tolerating(Errno.EBUSY, Errno.ENOENT);
    }

    private Op openKill(int number) {
        return FileOps.openAt(Arg.of(groups), name(number) + "/cgroup.kill", FileOps.O_WRONLY, 0);
    }

    private Op openGroup(int number) {
        return FileOps.openAt(Arg.of(groups), name(number), FileOps.O_RDONLY | FileOps.O_DIRECTORY, 0);
    }

    /** Removes the group of a command that has ended with all its descendants. */
    void remove(int number) throws SyscallException {
        release(number);
        stub.run(OpList.of(remove(name(number))));
    }

    /** Nobody asks about this command any more. */
    void release(int number) {
        occupied.remove(number);
    }

    /** Kills all in a command's group, if that is there. By the first process itself, as there may be no room for a child of it. */
    void kill(int number) throws SyscallException {
        Op open = openKill(number).tolerating(Errno.ENOENT);
        stub.runInside(OpList.of(
                open,
                FileOps.write(Arg.of(open), name(number), "1").tolerating(Errno.EBADF, Errno.ENODEV),
                FileOps.close(open).tolerating(Errno.EBADF)));
    }

    /** What commands have used, by their numbers; those are left out whose groups have gone. */
    Map<Integer, ExecutionUsage> usages(List<Integer> numbers) throws SyscallException {
        Map<Integer, ExecutionUsage> usages = new HashMap<>();
        for (int from = 0; from < numbers.size(); from += AT_ONCE) {
            add(usages, numbers.subList(from, Math.min(numbers.size(), from + AT_ONCE)));
        }
        return usages;
    }

    private void add(Map<Integer, ExecutionUsage> usages, List<Integer> numbers) throws SyscallException {
        List<Account> accounts = new ArrayList<>();
        OpList.Builder list = OpList.builder();
        for (int number : numbers) {
            Content cpu = content(list, number, "cpu.stat", ACCOUNT_SIZE);
            accounts.add(new Account(number, cpu, content(list, number, "cgroup.procs", LIST_SIZE / numbers.size())));
        }
        Results results = stub.runInside(list.build());
        for (Account account : accounts) {
            Content members = account.members();
            if (results.failed(account.cpu().read()) || results.failed(members.read())) {
                continue; // it has just been removed, or long since
            }
            if (numbers.size() > 1 && results.value(members.read()) == LIST_SIZE / numbers.size()) {
                add(usages, List.of(account.number())); // it has more processes than there was room for
                continue;
            }
            long used = CgroupAccounts.field(account.cpu().text(results), "usage_usec");
            List<String> pids = members.text(results).lines().toList();
            usages.put(
                    account.number(), new ExecutionUsage(Duration.ofNanos(used * 1000), resident(pids), pids.size()));
        }
    }

    /** What is read of a command's group. */
    private record Account(int number, Content cpu, Content members) {}

    private record Content(Arg.Buffer buffer, Op read) {
        String text(Results results) {
            return GuestGroups.text(results, buffer, read);
        }
    }

    private Content content(OpList.Builder list, int number, String file, int size) {
        Arg.Buffer buffer = new Arg.Buffer(size);
        Op open = list.add(FileOps.openAt(Arg.of(groups), name(number) + "/" + file, FileOps.O_RDONLY, 0)
                .tolerating(Errno.ENOENT, Errno.ENODEV));
        Op read = list.add(FileOps.read(Arg.of(open), buffer).tolerating(Errno.EBADF, Errno.ENODEV));
        list.add(FileOps.close(open).tolerating(Errno.EBADF));
        return new Content(buffer, read);
    }

    private static String text(Results results, Arg.Buffer buffer, Op read) {
        return new String(results.bytes(buffer), 0, (int) results.value(read), StandardCharsets.US_ASCII);
    }

    /** Of the memory of processes what is there; of one that has just ended nothing. */
    private Size resident(List<String> pids) throws SyscallException {
        long kibibytes = 0;
        for (String pid : pids) {
            Arg.Buffer buffer = new Arg.Buffer(FILE_SIZE);
            Op open = FileOps.open("/proc/" + pid + "/status", FileOps.O_RDONLY).tolerating(Errno.ENOENT);
            Op read = FileOps.read(Arg.of(open), buffer).tolerating(Errno.EBADF, Errno.ESRCH);
            Results results = stub.run(OpList.of(open, read, FileOps.close(open).tolerating(Errno.EBADF)));
            if (!results.failed(read)) {
                kibibytes += CgroupAccounts.resident(text(results, buffer, read));
            }
        }
        return Size.kib(kibibytes);
    }

    /** Removes, now and then, groups that are empty: those of the maker's commands if this is one of these, else those of others. */
    void tidy(int number) throws SyscallException {
        if (number % TIDY != 0) {
            return;
        }
        Arg.Buffer buffer = new Arg.Buffer(LIST_SIZE);
        Op open = FileOps.openAt(Arg.of(groups), ".", FileOps.O_RDONLY | FileOps.O_DIRECTORY, 0);
        Op entries = DirectoryOps.entries(Arg.of(open), buffer);
        Results results = stub.run(OpList.of(open, entries, FileOps.close(open)));
        List<Op> removals = new ArrayList<>();
        for (DirectoryOps.Entry entry : DirectoryOps.entries(results.bytes(buffer), (int) results.value(entries))) {
            String name = new String(entry.name(), StandardCharsets.US_ASCII);
            if (name.matches(PREFIX + "[1-9][0-9]{0,8}")) {
                int other = Integer.parseInt(name.substring(PREFIX.length()));
                boolean recent = Math.abs((long) number - other) <= RECENT;
                boolean ours = GuestCommands.isMakers(number) == GuestCommands.isMakers(other);
                if (ours && !recent && !occupied.contains(other)) {
                    removals.add(
                            FileOps.unlink(Arg.of(groups), name, AT_REMOVEDIR).tolerating(Errno.EBUSY, Errno.ENOENT));
                }
            }
        }
        if (!removals.isEmpty()) {
            stub.run(OpList.of(removals.toArray(Op[]::new)));
        }
    }

    @Override
    public void close() {
        groups.close();
    }
}
