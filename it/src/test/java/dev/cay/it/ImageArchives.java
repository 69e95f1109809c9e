package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;

/** Archives as docker save writes them, of images that are made here from what this machine has. */
enum ImageArchives {
    /** One layer, one program. */
    BUSYBOX("""
            mkdir -p one/bin one/etc one/tmp
            cp /usr/bin/busybox one/bin/busybox
            for name in sh ls cat sleep id; do ln -s busybox one/bin/$name; done
            echo root:x:0:0:root:/:/bin/sh > one/etc/passwd
            chmod 1777 one/tmp
            tar --format=ustar --sort=name -C one -cf one.tar .
            """),

    /** What Debian's own packages have put onto this machine, and a layer that changes some of it. */
    DEBIAN("""
            echo base-files base-passwd bash coreutils login passwd perl-base tar > packages
            dpkg-query -W -f '${Package}\\n' | LC_ALL=C sort -u > installed
            for pass in 1 2 3 4; do # with what they depend on
                xargs dpkg-query -W -f '${Package}, ${Pre-Depends}, ${Depends}, ' < packages | tr ',|' '\\n\\n' |
                    sed -E 's/^ +//; s/[ (:].*//' | LC_ALL=C sort -u | LC_ALL=C comm -12 - installed > needed
                mv needed packages
            done
            xargs dpkg-query -L < packages | sed 's|^/||' | grep -vE '^(\\.?$|(dev|proc|sys|usr/share/locale)(/|$))' |
                while read -r path; do
                    if [ -e "/$path" ] || [ -h "/$path" ]; then echo "$path"; fi
                done > files
            printf 'etc/passwd\\netc/group\\n' >> files
            for name in bin sbin lib lib64; do # links into usr, through which packages may know their files
                if [ -h "/$name" ]; then sed -i "s|^$name/|usr/$name/|" files; printf '%s\\n' "$name" "usr/$name" >> files; fi
            done
            echo . >> files
            LC_ALL=C sort -u files > chosen
            tar -C / --xattrs --xattrs-include='*' --format=pax --no-recursion --numeric-owner -cf one.tar -T chosen
            mkdir -p two/usr/share two/usr/bin two/etc two/srv
            touch two/usr/share/.wh.doc two/etc/.wh.group
            echo changed > two/etc/passwd
            cp -p /usr/bin/env two/usr/bin/env
            ln two/usr/bin/env two/srv/env
            tar --format=gnu --numeric-owner --sort=name -C two -cf two.tar etc/.wh.group etc/passwd srv usr
            """),

    /** Three layers with what is odd in archives, as far as others read it too. */
    ODD("""
            mkdir -p one/bin one/etc one/kept one/hidden one/wasdir one/cut/a/b two/etc two/hidden two/opt two/tree
            mkdir -p "two/long/$(printf %0150d 1)" one/tmp
            cp /usr/bin/busybox one/bin/busybox
            echo root:x:0:0:root:/:/bin/sh > one/etc/passwd
            echo gone > one/etc/gone
            echo below > one/hidden/below
            echo deep > one/cut/a/b/file
            echo file > one/wasfile
            echo inner > one/wasdir/inner
            ln -s wasdir one/waslink
            head -c 300000 /dev/zero > one/kept/zeros
            seq 1 40000 > one/kept/numbers
            echo capable > one/kept/one
            ln one/kept/one one/kept/two
            setfattr -n user.origin -v one one/kept/numbers
            setfattr -n user.directory -v yes one/kept
            setfattr -n security.capability -v 0x0100000200240000000000000000000000000000 one/kept/one
            touch -d '2040-01-01 00:00:00.123456789 UTC' one/kept/late
            tar --format=pax --xattrs --xattrs-include='*' --sort=name -C one -cf one.tar .
            echo twice > two/first
            ln two/first two/second
            ln two/first two/tree/third
            ln -s ../../../../etc/shadow two/escape
            ln -s "$(printf %0200d 3)" two/longlink
            mkfifo two/pipe
            mknod two/device c 1 3
            mknod two/block b 7 200
            chown 12345:54321 two/first
            chown 65534:60000 two/opt
            chmod 4751 two/first
            chmod 1777 two/tree
            touch two/etc/.wh.gone two/hidden/.wh..wh..opq two/.wh.cut
            echo above > two/hidden/above
            mkdir two/wasfile two/waslink
            echo new > two/wasfile/inner
            echo file > two/wasdir
            echo own > two/waslink/own
            echo bytes > "$(printf 'two/opt/\\351\\377 \\n tab\\t\\\\')"
            echo A > two/opt/Name; echo a > two/opt/name
            echo deep > "two/long/$(printf %0150d 1)/$(printf %0120d 2)"
            tar --format=gnu --sort=name --mtime=@1700000000 -C two -cf two.tar .
            mkdir -p three/late/x
            echo 1 > three/late/x/file; echo 2 > three/plain; ln three/plain three/another
            # files before their directories, the target of a link last in its name, paths from the root
            tar --format=ustar -C three -cf three.tar late/x/file plain another
            tar --format=ustar -C three --no-recursion -rf three.tar late/x late
            tar --format=v7 -C three -P --no-recursion --transform 's,^late,/root,;s,x/,x//,' -rf three.tar late late/x late/x/file
            """);

    private static final String PACK = """
            id() { printf '"sha256:%s"' "$(sha256sum < "$1" | cut -d' ' -f1)"; }
            separated() { sed 's/ /,/g'; }
            layers=$(for layer in one two three; do if [ -e $layer.tar ]; then echo $layer.tar; fi; done)
            printf '{"architecture":"%s","os":"linux","config":{"Cmd":["/bin/busybox","id"],"Env":["A=b"],"Labels":{"k":"v"}},' \\
                "$(dpkg --print-architecture)" > config.json
            printf '"rootfs":{"type":"layers","diff_ids":[%s]},"history":[%s]}' \\
                "$(echo $(for layer in $layers; do id $layer; echo; done) | separated)" \\
                "$(echo $(for layer in $layers; do echo "{\\"created_by\\":\\"$layer\\"}"; done) | separated)" >> config.json
            printf '[{"Config":"config.json","RepoTags":["%s:1"],"Layers":[%s]}]' \\
                "$2" "$(echo $(for layer in $layers; do echo "\\"$layer\\""; done) | separated)" > manifest.json
            tar -cf image.tar manifest.json config.json $layers
            echo made
            """;

    private final String script;

    ImageArchives(String script) {
        this.script = script;
    }

    /** What it is called in its archive, without its tag, which is 1. */
    String title() {
        return name().toLowerCase(java.util.Locale.ROOT);
    }

    /** Makes the archive; beside it are its layers, {@code one.tar} and so on. */
    Path make() {
        Path folder = Lab.directory();
        String said =
                Lab.onHost("bash", "-c", "set -eu\ncd \"$1\"\n" + script + PACK, "bash", folder.toString(), title());
        assertThat(said).endsWith("made");
        return folder.resolve("image.tar");
    }
}
