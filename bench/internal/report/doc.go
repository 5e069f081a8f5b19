// Package report holds the pure half of the benchmark: statistics over rounds, goals and their verdicts, and the
// rendering of results as text tables, Markdown and JSON. It measures nothing, reads no clock and imports only the
// standard library, so all of it can be tested with fixed numbers.
//
// # Model
//
// A [Report] is a list of groups, a [Group] a list of rows. A [Row] is one implementation of one piece of work: a few
// figures, each a [Series] with one number per round, and the goals those figures are held to. A goal may be stated in
// units of a baseline (see [Unit]); the ratio is then formed round by round, against what the baseline needed in the
// same round, and its median is judged. So noise that slows a whole round down does not decide a verdict.
package report
