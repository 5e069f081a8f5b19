// Package supervision starts processes, watches them and starts them again when they fail: OTP's supervisors for Go.
//
// A supervisor is a process whose children are other processes, workers or supervisors. It is built from what package
// actor offers everyone: links, monitors, exits and timers.
//
//	sup, err := supervision.Start(sys, supervision.Spec{
//		Strategy: supervision.RestForOne,
//		Children: []supervision.Child{
//			{ID: "store", Start: func() actor.Actor { return newStore() }, Options: []actor.SpawnOption{actor.WithName("store")}},
//			{ID: "workers", Supervisor: supervision.DynamicSpec{MaxChildren: 1000}},
//		},
//	})
//
// There are four kinds: [Supervisor] with a list of children in order ([Spec]), [Dynamic] for many that come and go
// ([DynamicSpec]), [Partitioned] with the same child once per core ([PartitionedSpec]), and tasks ([Async],
// [AsyncNoLink], [Stream]), which are functions under a dynamic supervisor. [Tree] shows what runs.
//
// # Guarantees
//
//   - A specification is checked whole, nested ones included, before anything is started.
//   - Children start in order, each after the one before is up, and stop in reverse order. A start that fails stops what
//     was started before it returns. There are never two living processes of one child, except that the handler of a
//     killed process may still be running.
//   - A child that ends is restarted, or not, as its [Restart] says, with those that its supervisor's [Strategy] takes
//     along, within the step that learns of it. More than Intensity restarts within Period, the instant at its end
//     included, end the supervisor, after its children, with an [IntensityError], which is a Shutdown.
//   - A restart that fails counts like any other and is tried again after what the supervisor was asked meanwhile: it
//     answers, and can be told to end, in between.
//   - A restarted child keeps its name and gets a new PID and an empty mailbox; what was queued becomes dead letters.
//   - The process of a supervisor ends after the processes of its children, however it was told to end; only Kill is
//     different: links end the children then. A supervisor whose child is a supervisor that was killed waits for the
//     children of that one before it starts the successor; those that outlast their Shutdown are killed.
//   - Stop, TerminateChild and a failed Start return when all that they ended is gone.
//   - With OneForOne, and in a dynamic supervisor, a child that takes long to stop delays no other child, but for those
//     of a static supervisor that ends itself: they stop one after the other.
//
// # Not guaranteed
//
//   - A child that ended by itself shows its last state until its supervisor has learned of it.
//   - A supervisor does nothing else while it runs the Start and Init of a child. [Child.Ready] is for what takes long.
//   - The state of a child does not outlive it. What its Start captures does; it is shared with the killed process that
//     still runs.
//   - Supervisors are told to end by their parent, by System.Exit and by System.Shutdown; exits that other processes
//     send them are ignored, as OTP does.
//
// # Limits
//
// Nested supervisors up to 100 levels. A child of a static supervisor costs about 350 bytes beside its process, its specification included.
//
// # Decisions
//
// All decisions are made by a state machine that starts and stops nothing itself; package tests compare it with an
// independent model of OTP's supervisor over random sequences of crashes.
//
// Source: OTP supervisor; Elixir DynamicSupervisor, PartitionSupervisor, Task.Supervisor. Beyond them: [Backoff],
// [Child.Ready], [Liveness], [Tree].
package supervision
