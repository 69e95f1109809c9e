package dev.cay.it;

import static dev.cay.it.Lab.need;
import static dev.cay.it.Lab.sh;
import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.Network;
import dev.cay.Sandbox;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** K1, K2: ordinary programs run unmodified behind all walls, as root and as a user. */
@ExtendWith(RootLane.class)
class ProgramsTest {
    private static void works(Sandboxes engine, String program, String script, String expected) {
        need(program);
        for (String user : new String[] {"root", "user"}) {
            SandboxSpec spec =
                    SandboxSpec.host().user(user).workingDirectory("/tmp").build();
            try (Sandbox sandbox = engine.create(spec)) {
                assertThat(sh(sandbox, script)).as("%s as %s", program, user).contains(expected);
            }
        }
    }

    /** Landlock forbids it unless it is told otherwise: apt-get, dpkg and many a build tool do nothing else. */
    @Test
    void filesAreMovedAndLinkedBetweenDirectories(Sandboxes engine) {
        try (Sandbox sandbox = engine.create(SandboxSpec.host().build())) {
            assertThat(sh(
                            sandbox,
                            "mkdir /tmp/a /tmp/b; echo x > /tmp/a/f; python3 -c 'import os; os.rename(\"/tmp/a/f\", \"/tmp/b/f\");"
                                    + " os.link(\"/tmp/b/f\", \"/tmp/a/g\")'; cat /tmp/a/g"))
                    .isEqualTo("x");
        }
    }

    @Test
    void k2Python(Sandboxes engine) {
        works(engine, "python3", """
                cat > p.py <<'EOF'
                import concurrent.futures, multiprocessing, os, socket, sqlite3, ssl, subprocess, tempfile, threading, time
                def square(n): return n * n
                if __name__ == '__main__':
                    with multiprocessing.Pool(2) as pool: assert pool.map(square, range(10))[9] == 81
                    with concurrent.futures.ThreadPoolExecutor(4) as pool: assert sum(pool.map(square, range(10))) == 285
                    assert subprocess.run(['sh', '-c', 'echo sub'], capture_output=True).stdout == b'sub\\n'
                    db = sqlite3.connect('x.db'); db.execute('create table t (a)'); db.commit()
                    with tempfile.NamedTemporaryFile() as f: f.write(b'x'); f.flush()
                    a, b = socket.socketpair(); a.send(b'x'); assert b.recv(1) == b'x'
                    ssl.create_default_context()
                    os.sched_getaffinity(0); os.nice(1); os.urandom(8)
                    import ctypes; ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 7)
                    print('all of python')
                EOF
                /usr/bin/python3 p.py
                """, "all of python");
    }

    @Test
    void k1Node(Sandboxes engine) {
        works(engine, "node", """
                cat > n.js <<'EOF'
                const { Worker, isMainThread, parentPort } = require('worker_threads');
                const fs = require('fs'), http = require('http'), cp = require('child_process');
                if (!isMainThread) { parentPort.postMessage(6 * 7); } else {
                  new Worker(__filename).on('message', answer => {
                    const server = http.createServer((q, r) => r.end('served ' + answer)).listen(0, '127.0.0.1', () =>
                      http.get({ port: server.address().port, host: '127.0.0.1' }, r => r.on('data', d => {
                        console.log(String(d), cp.execSync('echo child').toString(), fs.readdirSync('/').length > 5);
                        server.close();
                      })));
                  });
                }
                EOF
                /usr/bin/node n.js
                """, "served 42");
    }

    @Test
    void k1Java(Sandboxes engine) {
        works(engine, "java", """
                cat > T.java <<'EOF'
                import java.util.stream.*;
                public class T { public static void main(String[] a) throws Exception {
                  long sum = IntStream.range(0, 1_000_000).parallel().mapToLong(i -> i).sum();
                  Process p = new ProcessBuilder("echo", "child").start();
                  String s = new String(p.getInputStream().readAllBytes()).trim();
                  java.nio.file.Files.writeString(java.nio.file.Path.of("f"), "x");
                  System.out.println(s + " " + sum + " " + Runtime.getRuntime().availableProcessors());
                } }
                EOF
                java -Xmx128m T.java
                """, "child 499999500000");
    }

    @Test
    void gcc(Sandboxes engine) {
        works(engine, "gcc", """
                cat > h.c <<'EOF'
                #include <pthread.h>
                #include <stdio.h>
                static void *run(void *p) { puts("compiled and threaded"); return p; }
                int main(void) { pthread_t t; pthread_create(&t, 0, run, 0); pthread_join(t, 0); return 0; }
                EOF
                gcc -O2 -pthread -o h h.c && ./h
                """, "compiled and threaded");
    }

    @Test
    void git(Sandboxes engine) {
        works(engine, "git", """
                export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
                git init -q r && cd r && echo x > f && git add f && git commit -qm first && git clone -q . ../s && git gc -q
                git -C ../s log --oneline
                """, "first");
    }

    @Test
    void k1CopyAndArchive(Sandboxes engine) {
        works(engine, "tar", """
                mkdir -p a/b && echo x > a/b/f && ln -s f a/b/l && ln a/b/f a/b/h && mkfifo a/p && chmod 640 a/b/f
                touch -d 2001-01-01 a/b/f && cp -a a c && tar czf a.tgz a && mkdir d && tar xzf a.tgz -C d && diff -r a/b d/a/b
                cat c/b/l d/a/b/h; stat -c %y d/a/b/f
                """, "2001-01-01");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "perl | perl -MPOSIX -e 'print join(q( ), map {$_*2} 1..3)' | 2 4 6",
                "dpkg | dpkg --version | Debian",
                "apt-config | apt-config dump | APT",
                "strace | strace -f -e trace=execve true 2>&1 | execve",
                "gdb | gdb -batch -ex run --args true | exited normally",
                "awk | awk 'BEGIN {print 6*7}' | 42",
                "bash | bash -c 'echo $((6*7)); : <(echo x)' | 42",
                "openssl | openssl rand -hex 4 >/dev/null && openssl version | SSL",
                "busybox | busybox sh -c 'echo box' | box",
                "curl | curl -s file:///etc/passwd | root",
                "sqlite3 | sqlite3 x.db 'create table t(a); insert into t values(7); select a from t' | 7",
                "make | printf 'all:\\n\\techo made\\n' > Makefile && make -s -j4 | made",
                "taskset | taskset -p 1 | affinity",
                "ip | ip addr | LOOPBACK",
            })
    void k1Tools(String program, String script, String expected, Sandboxes engine) {
        works(engine, program, script, expected);
    }

    /** Programs that log to files are given these names. */
    @ParameterizedTest
    @CsvSource({"root", "user"})
    void streamsCanBeOpenedByName(String user, Sandboxes engine) {
        try (Sandbox sandbox = engine.create(SandboxSpec.host().user(user).build())) {
            assertThat(sh(sandbox, "echo one > /dev/stdout; echo two | tee /dev/stderr; echo three > /proc/self/fd/1"))
                    .isEqualTo("one\ntwo\nthree");
        }
    }

    /** Changing owners, as package managers do. */
    @Test
    void rootManagesOwnersOfItsFiles(Sandboxes engine) {
        try (Sandbox sandbox = engine.create(SandboxSpec.host().build())) {
            assertThat(sh(
                            sandbox,
                            "cd /tmp; touch f; chown 1000:1000 f; chmod 4755 f; stat -c '%u %g %a' f; chown 65534 f;"
                                    + " tar cf - /etc/passwd 2>/dev/null | tar xpf - -C /tmp; setpriv --version >/dev/null 2>&1;"
                                    + " cp -r /etc/perl d; chown -R 1000 d /var /home && stat -c %u /var/lib"))
                    .isEqualTo("1000 1000 4755\n1000");
        }
    }

    @Test
    void serversOnTheHostsNetworkBindPorts(Sandboxes engine) {
        need("python3");
        try (Sandbox sandbox =
                engine.create(SandboxSpec.host().network(Network.host()).build())) {
            assertThat(
                            sh(
                                    sandbox,
                                    "python3 -c 'import socket; s = socket.socket(); s.bind((\"127.0.0.1\", 0)); print(\"bound\")'"))
                    .isEqualTo("bound");
        }
    }
}
