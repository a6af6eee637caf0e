// Package planted holds bugs that the simulator has to find. Each is a small change of production
// code, kept as a patch: nothing of it is in the code itself or in any build but the one that
// [Build] makes, which holds all of them behind switches and is told which to turn on by the
// environment ([Variable]).
package planted
