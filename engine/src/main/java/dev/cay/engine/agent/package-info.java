/**
 * The agent socket: what clients of sandbox managers speak, served for one sandbox whatever it is made of; see
 * {@link dev.cay.engine.agent.AgentServer}. Built upon {@link dev.cay.Sandbox} alone, so all that is done is done as for
 * everybody else.
 */
package dev.cay.engine.agent;
