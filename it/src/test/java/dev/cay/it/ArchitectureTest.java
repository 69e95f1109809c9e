package dev.cay.it;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noMethods;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import java.io.IOException;
import java.lang.module.ModuleDescriptor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The boundaries of ARCHITECTURE.md. Runs without root, in {@code ./dev check}. */
class ArchitectureTest {
    private static final String[] API = {"dev.cay", "dev.cay.spi"};
    private static final String JDK = "java..";

    /** Read from the modules this test runs with: exactly what is shipped, and no test classes. */
    private static final JavaClasses CAY = new ClassFileImporter()
            .importPaths(Stream.of("dev.cay", "dev.cay.linux", "dev.cay.engine", "dev.cay.cli")
                    .map(ArchitectureTest::location)
                    .toList());

    /** Of a defect that other systems have had, the tests that keep it out are there. */
    @Test
    void whatMustNotHappenHasItsTests() throws IOException {
        Path project = Path.of("").toAbsolutePath().getParent();
        Map<String, String> sources = new HashMap<>();
        for (String module : List.of("api", "linux", "guest", "engine", "cli", "it")) {
            try (Stream<Path> files = Files.walk(project.resolve(module + "/src/test"))) {
                for (Path file : files.filter(path -> path.toString().endsWith("Test.java")
                                || path.toString().endsWith("Contract.java")
                                || path.toString().endsWith("Rows.java"))
                        .toList()) {
                    sources.merge(file.getFileName().toString(), Files.readString(file), String::concat);
                }
            }
        }
        String rows = Files.readString(project.resolve("design/008-must-not-happen.md"));
        List<MatchResult> named =
                Pattern.compile("`(\\w+)\\.(\\w+)`").matcher(rows).results().toList();
        assertThat(named)
                .hasSizeGreaterThan(70)
                .allSatisfy(test -> assertThat(sources.get(test.group(1) + ".java"))
                        .as(test.group())
                        .contains("void " + test.group(2) + "("));
    }

    @Test
    void allModulesAreSeen() {
        Set<String> packages = CAY.stream().map(type -> type.getPackageName()).collect(Collectors.toUnmodifiableSet());

        assertThat(packages)
                .contains("dev.cay", "dev.cay.linux", "dev.cay.cli")
                .anyMatch(name -> name.startsWith("dev.cay.engine"));
    }

    @Test
    void onlyLinuxSpeaksToNativeCode() {
        noClasses()
                .that(not(resideInAnyPackage("dev.cay.linux..")))
                .should()
                .dependOnClassesThat()
                .resideInAPackage("java.lang.foreign..")
                .because("native code has one home, and its memory and descriptors do not leave it")
                .check(CAY);
        noMethods()
                .that()
                .areDeclaredInClassesThat(not(resideInAnyPackage("dev.cay.linux..")))
                .should()
                .haveModifier(JavaModifier.NATIVE)
                .check(CAY);
    }

    @Test
    void theApiNeedsTheJdkAlone() {
        classes()
                .that()
                .resideInAnyPackage(API)
                .should()
                .onlyDependOnClassesThat(resideInAnyPackage(JDK).or(resideInAnyPackage(API)))
                .because("users get the API without anything else")
                .check(CAY);
        assertThat(requires("dev.cay")).containsExactly("java.base");
    }

    @Test
    void linuxNeedsTheJdkAlone() {
        classes()
                .that()
                .resideInAPackage("dev.cay.linux..")
                .should()
                .onlyDependOnClassesThat(resideInAnyPackage(JDK, "jdk..", "sun..", "dev.cay.linux.."))
                .because("the kernel interfaces know nothing of sandboxes")
                .check(CAY);
        assertThat(requires("dev.cay.linux")).allMatch(name -> name.startsWith("java.") || name.startsWith("jdk."));
    }

    @Test
    void theEngineNeverCallsUp() {
        noClasses()
                .that()
                .resideInAPackage("dev.cay.engine..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("dev.cay.cli..", "dev.cay.bench..")
                .because("calls go one way: cli, engine, linux")
                .check(CAY);
    }

    @Test
    void theCommandLineUsesTheApiOnly() {
        noClasses()
                .that()
                .resideInAPackage("dev.cay.cli..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("dev.cay.engine..", "dev.cay.linux..")
                .because("the command line can do nothing that the API cannot")
                .check(CAY);
    }

    @Test
    void noCyclesBetweenPackages() {
        slices().matching("dev.cay.(engine.*)..").should().beFreeOfCycles().check(CAY);
        slices().matching("dev.cay.(*)..").should().beFreeOfCycles().check(CAY);
    }

    @Test
    void jsonIsReadByOurselves() {
        noClasses()
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("tools.jackson..", "com.fasterxml..")
                .check(CAY);
    }

    @Test
    void onlyImagesAreFetched() {
        noClasses()
                .that()
                .resideOutsideOfPackage("dev.cay.engine.image..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("java.net.http..")
                .because("no other command pays for loading it")
                .check(CAY);
    }

    @Test
    void nothingOfTheJdksInsides() {
        noClasses()
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("sun.misc..", "jdk.internal..")
                .because("the next JDK may not have it")
                .check(CAY);
    }

    private static Path location(String module) {
        return Path.of(ModuleLayer.boot()
                .configuration()
                .findModule(module)
                .orElseThrow()
                .reference()
                .location()
                .orElseThrow());
    }

    private static Set<String> requires(String module) {
        return ModuleLayer.boot().findModule(module).orElseThrow().getDescriptor().requires().stream()
                .map(ModuleDescriptor.Requires::name)
                .collect(Collectors.toUnmodifiableSet());
    }
}
