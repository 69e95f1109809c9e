package dev.cay.cli;

import dev.cay.ImageProgress;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Shows how far an image has come: on a terminal a line for each layer that is painted anew, elsewhere a line for each change that is
 * worth one, for programs an event for each. All but the events goes to standard error. Called by one thread at a time.
 */
final class ImageProgressReport implements Consumer<ImageProgress> {
    private static final int BAR = 24;
    private static final int SHOWN = 12;
    private static final int MOST = 20;

    private final Format format;
    private final Context context;
    private final boolean painting;
    private final Map<String, ImageProgress.Layer> layers = new LinkedHashMap<>();
    private int painted;

    ImageProgressReport(Format format, Context context) {
        this.format = format;
        this.context = context;
        painting = format == Format.TEXT
                && context.terminal().isTerminal(Streams.ERR)
                && !context.variables().variable("TERM").orElse("").equals("dumb");
    }

    @Override
    public void accept(ImageProgress progress) {
        if (format == Format.JSON) {
            event(progress);
        } else if (progress instanceof ImageProgress.Layer layer) {
            ImageProgress.Layer before = layers.put(layer.digest(), layer);
            if (painting) {
                paint();
            } else if (before == null || before.step() != layer.step()) {
                context.streams().say(line(layer) + "\n");
            }
        } else if (progress instanceof ImageProgress.Found found) {
            say("pulling " + found.name() + ": " + layers(found.layers()));
        } else if (progress instanceof ImageProgress.Retry retry) {
            say("trying again in " + retry.delay().toMillis() + " ms: " + retry.what());
        }
    }

    private static String layers(int count) {
        return count + (count == 1 ? " layer" : " layers");
    }

    /** Above the layers, which are painted below it again. */
    private void say(String text) {
        String erased = painted == 0 ? "" : "\u001b[" + painted + "A\u001b[J";
        painted = 0;
        context.streams().say(erased + Problem.printable(text) + "\n");
        if (painting) {
            paint();
        }
    }

    private void paint() {
        // Lines that are too long for the terminal are cut, as those that go on below could not be painted over.
        StringBuilder text = new StringBuilder("\u001b[?7l");
        if (painted > 0) {
            text.append("\u001b[").append(painted).append('A');
        }
        List<ImageProgress.Layer> shown = shown();
        for (ImageProgress.Layer layer : shown) {
            text.append(line(layer)).append("\u001b[K\n");
        }
        text.append("\u001b[J\u001b[?7h");
        painted = shown.size();
        context.streams().say(text.toString());
    }

    /** A terminal has few lines: those that are under way come first. */
    private List<ImageProgress.Layer> shown() {
        if (layers.size() <= MOST) {
            return List.copyOf(layers.values());
        }
        List<ImageProgress.Layer> shown = new ArrayList<>();
        for (ImageProgress.Layer layer : layers.values()) {
            if (shown.size() < MOST && layer.step() == ImageProgress.Step.PULLING) {
                shown.add(layer);
            }
        }
        return shown;
    }

    private String line(ImageProgress.Layer layer) {
        String name = layer.digest().substring(layer.digest().indexOf(':') + 1);
        String start = "  " + name.substring(0, Math.min(SHOWN, name.length())) + "  "
                + layer.step().text();
        if (layer.step() != ImageProgress.Step.PULLING) {
            return layer.total() > 0 ? start + "  " + Figures.bytes(layer.total()) : start;
        }
        if (!painting || layer.total() == 0) {
            return start + "  " + Figures.bytes(layer.total());
        }
        int done = (int) (BAR * Math.min(layer.bytes(), layer.total()) / layer.total());
        return start + " [" + "#".repeat(done) + "-".repeat(BAR - done) + "] " + Figures.bytes(layer.bytes()) + "/"
                + Figures.bytes(layer.total());
    }

    private void event(ImageProgress progress) {
        JsonLine.print(context.streams(), json -> {
            if (progress instanceof ImageProgress.Found found) {
                json.field("event", "found")
                        .field("name", found.name())
                        .field("digest", found.digest())
                        .field("layers", found.layers());
            } else if (progress instanceof ImageProgress.Layer layer) {
                json.field("event", "layer")
                        .field("layer", layer.digest())
                        .field("step", layer.step().text())
                        .field("bytes", layer.bytes())
                        .field("total_bytes", layer.total());
            } else if (progress instanceof ImageProgress.Retry retry) {
                json.field("event", "retry")
                        .field("problem", retry.what())
                        .field("delay_ms", retry.delay().toMillis());
            }
        });
    }
}
