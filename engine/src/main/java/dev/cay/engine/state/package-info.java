/**
 * What is known of sandboxes beyond the life of the process that made them. Start reading at {@link
 * dev.cay.engine.state.SandboxStore}: a directory for each sandbox, in which {@link dev.cay.engine.state.SandboxRecord} is its
 * state, {@link dev.cay.engine.state.Journal} what has to be undone and {@link dev.cay.engine.state.Executions} its commands.
 * {@link dev.cay.engine.state.Lifecycle} decides, as a pure function, what each event means; {@link
 * dev.cay.engine.state.Sweep} what becomes of a sandbox whose maker has died.
 *
 * <p>Nothing here touches a process, a mount or a control group: that is done by whoever gets the {@link
 * dev.cay.engine.state.Effect effects}.
 */
package dev.cay.engine.state;
