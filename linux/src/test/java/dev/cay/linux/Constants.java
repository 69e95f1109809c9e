package dev.cay.linux;

import java.io.IOException;
import java.lang.foreign.Linker;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** A program that prints all constants of the module, as they are on the architecture given: {@code Class.FIELD value}. */
final class Constants {
    private Constants() {}

    public static void main(String[] arguments) throws IOException, IllegalAccessException {
        Linker.nativeLinker(); // the JVM's own idea of its architecture is that of this moment
        System.setProperty("os.arch", arguments[0]);
        System.setProperty("dev.cay.linux.launcher", "process"); // the other's machine code must not be placed
        for (Class<?> type : types(Tools.classes().resolve("dev/cay/linux"))) {
            for (Field field : type.getDeclaredFields()) {
                if (Modifier.isStatic(field.getModifiers()) && isNumber(field.getType())) {
                    field.setAccessible(true);
                    System.out.println(type.getSimpleName() + "." + field.getName() + " "
                            + ((Number) field.get(null)).longValue());
                }
            }
        }
    }

    private static boolean isNumber(Class<?> type) {
        return type == int.class || type == long.class || type == short.class;
    }

    private static List<Class<?>> types(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> name.endsWith(".class") && !name.equals("package-info.class"))
                    .map(name -> name.substring(0, name.length() - ".class".length()))
                    .<Class<?>>map(Constants::type)
                    .sorted(Comparator.comparing(Class::getName))
                    .toList();
        }
    }

    private static Class<?> type(String name) {
        try {
            return Class.forName("dev.cay.linux." + name, false, Constants.class.getClassLoader());
        } catch (ClassNotFoundException e) {
            throw new IllegalStateException(e);
        }
    }
}
