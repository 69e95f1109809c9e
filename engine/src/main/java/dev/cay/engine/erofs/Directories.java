package dev.cay.engine.erofs;

import dev.cay.engine.archive.ByteString;
import dev.cay.engine.erofs.LayerTree.Directory;
import dev.cay.engine.erofs.LayerTree.Leaf;
import dev.cay.engine.erofs.LayerTree.Node;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Deque;
import java.util.List;

/**
 * Writes the directories of a layer, when all names are known: first the blocks of the large ones, then all inodes, one directory
 * after the other as a walk through the tree meets them. Where each stands is reckoned beforehand, since directories name each
 * other.
 */
final class Directories {
    private static final int BLOCK = ErofsImage.BLOCK;

    /** {@code struct erofs_dirent}. */
    private static final int ENTRY = 12;

    private static final ByteString CURRENT = ByteString.of(".");
    private static final ByteString PARENT = ByteString.of("..");

    private final ErofsImage image;
    private final Inodes inodes;
    private final List<Directory> all = new ArrayList<>();

    Directories(ErofsImage image, Inodes inodes) {
        this.image = image;
        this.inodes = inodes;
    }

    void write(LayerTree tree) throws IOException {
        image.finishInodes();
        collect(tree.root());
        place();
        for (Directory directory : all) {
            if (directory.blocks > 0) {
                content(directory, true);
            }
        }
        for (Directory directory : all) {
            if (directory != tree.root()) {
                byte[] inode = inode(directory);
                int gap = (int) (directory.number * ErofsImage.SLOT - image.position());
                image.append(new byte[gap], 0, gap);
                image.append(inode, 0, inode.length);
                image.countInode();
            }
        }
        image.finish(inode(tree.root()));
    }

    /** Lists them, each before those in it, and tells the inodes of files how many names they have. */
    private void collect(Directory root) throws IOException {
        Deque<Directory> rest = new ArrayDeque<>(List.of(root));
        while (!rest.isEmpty()) {
            Directory directory = rest.pop();
            if (directory.opaque) {
                directory.attributes = Attributes.opaque(directory.xattrs, directory.attributes);
            }
            all.add(directory);
            for (Node child : directory.children.descendingMap().values()) {
                if (child instanceof Directory next) {
                    rest.push(next);
                } else if (child instanceof Leaf leaf && leaf.links > 1 && !leaf.counted) {
                    leaf.counted = true;
                    image.patch(leaf.number, Inodes.LINKS_OFFSET, leaf.links);
                }
            }
        }
    }

    private void place() throws LayerException {
        long block = image.nextBlock();
        for (Directory directory : all) {
            measure(directory);
            directory.block = directory.blocks > 0 ? block : 0;
            block += directory.blocks;
        }
        long position = block * BLOCK;
        for (Directory directory : all.subList(1, all.size())) {
            int length = Inodes.LENGTH + directory.attributes.xattrs().length + directory.tail;
            if (position % BLOCK + length > BLOCK) {
                position = position + BLOCK - 1 & -BLOCK;
            }
            directory.number = position / ErofsImage.SLOT;
            position = position + length + ErofsImage.SLOT - 1 & -ErofsImage.SLOT;
        }
        all.getFirst().number = ErofsImage.ROOT_OFFSET / ErofsImage.SLOT;
    }

    /** How many blocks its content has, and how many bytes stand behind its inode. */
    private void measure(Directory directory) throws LayerException {
        boolean root = directory == all.getFirst();
        int head = Inodes.LENGTH + directory.attributes.xattrs().length;
        int room = root ? ErofsImage.ROOM_FOR_ROOT : BLOCK;
        if (root && head > room) {
            throw new LayerException(
                    LayerException.Reason.XATTRS_TOO_LARGE,
                    "the extended attributes of the root directory are more than " + (room - Inodes.LENGTH) + " bytes");
        }
        int used = 0;
        directory.blocks = 0;
        for (ByteString name : names(directory)) {
            if (used + ENTRY + name.length() > BLOCK) {
                directory.blocks++;
                used = 0;
            }
            used += ENTRY + name.length();
        }
        boolean inline = head + used <= room;
        directory.blocks += inline ? 0 : 1;
        directory.tail = inline ? used : 0;
        directory.size = directory.blocks * BLOCK + (inline ? used : used - BLOCK);
    }

    private static List<ByteString> names(Directory directory) {
        List<ByteString> names = new ArrayList<>(directory.children.size() + 2);
        names.addAll(directory.children.keySet());
        for (ByteString own : List.of(CURRENT, PARENT)) {
            names.add(-Collections.binarySearch(names, own) - 1, own);
        }
        return names;
    }

    private byte[] inode(Directory directory) throws IOException {
        int links = 2;
        for (Node child : directory.children.values()) {
            links += child instanceof Directory ? 1 : 0;
        }
        Inodes.Place place = new Inodes.Place(directory.tail > 0 ? Inodes.INLINE : Inodes.PLAIN, (int) directory.block);
        byte[] head = inodes.head(Inodes.TYPE_DIRECTORY, directory.attributes, directory.size, place, links);
        byte[] tail = content(directory, false);
        byte[] inode = Arrays.copyOf(head, head.length + directory.tail);
        System.arraycopy(tail, 0, inode, head.length, directory.tail);
        return inode;
    }

    /**
     * Lays out the entries, in the order of their names and as many as there is room for in each block.
     *
     * @param writing whether to append the blocks
     * @return the last one, which has no block if it stands behind the inode
     */
    private byte[] content(Directory directory, boolean writing) throws IOException {
        List<ByteString> names = names(directory);
        int first = 0;
        int used = 0;
        for (int i = 0; i < names.size(); i++) {
            int length = ENTRY + names.get(i).length();
            if (used + length > BLOCK) {
                if (writing) {
                    image.append(block(directory, names.subList(first, i)), 0, BLOCK);
                }
                first = i;
                used = 0;
            }
            used += length;
        }
        byte[] last = block(directory, names.subList(first, names.size()));
        if (writing && directory.tail == 0) {
            image.append(last, 0, BLOCK);
        }
        return last;
    }

    private static byte[] block(Directory directory, List<ByteString> names) {
        ByteBuffer block = ByteBuffer.allocate(BLOCK).order(ByteOrder.LITTLE_ENDIAN);
        int offset = names.size() * ENTRY;
        for (ByteString name : names) {
            Node node = directory.children.get(name);
            if (node instanceof Leaf leaf) {
                block.putLong(leaf.number).putShort((short) offset).put((byte) type(leaf.type));
            } else {
                Directory named =
                        node instanceof Directory child ? child : name.equals(PARENT) ? directory.parent : directory;
                block.putLong(named.number).putShort((short) offset).put((byte) type(Inodes.TYPE_DIRECTORY));
            }
            block.put((byte) 0);
            block.put(offset, name.toBytes());
            offset += name.length();
        }
        return block.array();
    }

    /** The kernel's {@code FT_*}. */
    private static int type(int type) {
        return switch (type) {
            case Inodes.TYPE_FILE -> 1;
            case Inodes.TYPE_DIRECTORY -> 2;
            case Inodes.TYPE_CHARACTER_DEVICE -> 3;
            case Inodes.TYPE_FIFO -> 5;
            case Inodes.TYPE_SYMBOLIC_LINK -> 7;
            default -> throw new IllegalArgumentException("not written: " + type);
        };
    }
}
