// Package file finds peers through a directory that the processes of one machine share: programs started in two
// terminals see each other without any configuration of a network.
//
// A process that announces itself keeps one small file in the directory and a lock (flock) on it. The kernel frees the
// lock when the process ends, however it ends, so that the next one to look knows that the entry is stale and removes it.
//
// # Guarantees
//
//   - An entry appears whole or not at all: it is written and locked under another name first.
//   - An entry whose process ended, kill -9 included, leaves the set at the next look. Nobody removes an entry whose
//     process lives; if something else does, it comes back at the owner's next look.
//   - A process that is stopped or hangs leaves the set when it did not refresh its entry for TTL, and returns when it
//     goes on. Times of other processes are compared only with each other: a clock that is set makes no difference.
//   - A refresh writes no data: a disk that fills up after the start does not remove anybody.
//   - A directory that cannot be used is an error that names it, at every look, until it can be used again. Errors of
//     announcing do not stop the looking.
//   - Files that are not ours are left alone.
//
// # Not guaranteed
//
//   - Whoever may write to the directory may announce anything. The default directory belongs to the user and is refused
//     if others may write there.
//   - Without flock (Windows, some network file systems) a killed process stays in the set for TTL.
//
// # Limits
//
// [strategies.MaxPeers] entries; each at most 4 KiB. The strategy looks every Interval; it does not use notifications of
// the file system.
package file
