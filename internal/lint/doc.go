// Package lint holds the rules of this repository that a compiler does not check, as Go tests.
//
// # Rules
//   - Imports follow the layer table (layers.go): nothing imports upward, and a package that the table does not name
//     fails until somebody decides where it stands.
//   - A third-party module is imported only where the table of heavy dependencies says (imports.go), so that each can
//     be replaced by changing one package.
//   - What stands below the cluster opens no socket, and the engine logs only through the logger it is given.
//   - Every package has a package comment.
//   - No test sleeps: it waits for an event, or runs on virtual time.
//   - Relative links and anchors in Markdown lead somewhere; a code block marked as a copy of a file equals that file;
//     a test named in docs/guarantees.md or docs/conformance.md exists.
//
// Each rule is a function over an fs.FS, and has a self-test that feeds it a tree which breaks it: a rule that cannot
// fail is no rule.
//
// # Not checked
//
// Sizes of files and functions are advice, and stay out of here.
package lint
