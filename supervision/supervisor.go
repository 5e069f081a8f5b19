package supervision

import (
	"context"
	"errors"

	"github.com/foundation-runtime/foundation/actor"
)

// Supervisor is a handle of a supervisor process. It is a small value to share freely among goroutines and processes.
//
// The methods with a context ask the process; they fail with the context's error, or with NoProc or an ExitError when
// the process is not there or ends. A context that ends early does not take a request back. A supervisor that is just
// starting a child answers when the child's Init has returned, so a child must not call its own supervisor from Init.
// The others read what the supervisor knew after its last step; they never wait for it and work after its end.
type Supervisor struct{ v *view }

// Start starts a supervisor and, in order, its children, and returns when all of them are started.
//
// If s is a process, the supervisor is its child: linked to it, and told to end when it ends. A spec with faults gives
// a [*SpecError] and starts nothing. If a child fails to start, those before it are stopped in reverse order and the
// error is a [*StartError]; everything that was started is gone then, and a process s is not hurt by it. If a process s is
// told to exit meanwhile, or the deadline of the request it handles passes, the supervisor is told to end and the error
// is s's. opts go to the spawn of the supervisor's process, for instance WithName.
func Start(s actor.Spawner, spec Spec, opts ...actor.SpawnOption) (*Supervisor, error) {
	v, err := launch(s, spec, opts)
	if err != nil {
		return nil, err
	}
	return &Supervisor{v}, nil
}

// Attach gives a handle of a supervisor that runs already, for instance one that is a child. If pid is none, the handle
// knows no children and its requests fail.
func Attach(s *actor.System, pid actor.PID) *Supervisor {
	return &Supervisor{attach(s, pid, kindStatic)}
}

// launch starts the process of a supervisor and waits until its first children are up.
func launch(s actor.Spawner, spec AnySpec, opts []actor.SpawnOption) (*view, error) {
	if err := Validate(spec); err != nil {
		return nil, err
	}
	if s == nil {
		return nil, &SpecError{Faults: []Fault{{Field: "Spawner", Why: "is nil; pass a *actor.System or the calling process"}}}
	}
	var parent actor.PID
	if p, ok := s.(interface{ Self() actor.PID }); ok {
		parent = p.Self()
	}
	sh := newShell(spec.prepare(), parent, false)
	pid, err := s.Spawn(sh, append(opts[:len(opts):len(opts)], actor.EndsChildren())...)
	if err != nil {
		return nil, startFault(err)
	}
	ctx, ok := s.(context.Context)
	if !ok {
		ctx = context.Background()
	}
	if _, err = actor.Ask(ctx, pid, call{kind: callAwaitUp}); err != nil {
		if sh.v.live() { // the caller has to stop waiting
			sh.v.sys.Exit(pid, actor.Shutdown)
		}
		sh.v.mu.RLock()
		defer sh.v.mu.RUnlock()
		if sh.v.failed != nil { // it may be gone before it could be asked
			err = sh.v.failed
		}
		return nil, startFault(err)
	}
	return sh.v, nil
}

// startFault is the StartError in err, if there is one: without the circumstance that it was an exit reason.
func startFault(err error) error {
	if e, ok := errors.AsType[*StartError](err); ok {
		return e
	}
	return err
}

func attach(s *actor.System, pid actor.PID, k kind) *view {
	if s != nil {
		if v := directoryOf(s).find(pid); v != nil && v.kind == k {
			return v
		}
	}
	v := &view{m: newMachine[actor.PID](config{dynamic: k == kindDynamic}, nil), sys: s, pid: pid, kind: k}
	return v
}

// ask puts a request to the process.
func (v *view) ask(ctx context.Context, c call) (actor.PID, error) {
	a, err := actor.Ask(ctx, v.pid, c)
	if err != nil {
		return actor.PID{}, err
	}
	return a.pid, a.err
}

// stop ends the supervisor with Shutdown and waits for it.
func (v *view) stop(ctx context.Context) error {
	if v.sys == nil || !v.sys.Alive(v.pid) {
		return nil
	}
	_, err := actor.Ask(ctx, v.pid, call{kind: callStop})
	if _, ended := errors.AsType[*actor.ExitError](err); ended || errors.Is(err, actor.NoProc) {
		return nil
	}
	v.sys.Exit(v.pid, actor.Shutdown) // whether the request came through or not
	return err
}

// PID is the supervisor's process.
func (s *Supervisor) PID() actor.PID { return s.v.pid }

// StartChild adds a child and starts it. It returns the zero PID and no error if the child chose not to run by
// returning Ignore from Init; it is then known, and idle, unless it is Temporary.
//
// Errors: a [*SpecError]; ErrAlreadyStarted, beside the PID; ErrAlreadyPresent; a [*StartError], the child is not kept
// then.
func (s *Supervisor) StartChild(ctx context.Context, c Child) (actor.PID, error) {
	var faults checker
	if c.ID == "" {
		faults.report("", "ID", "is empty; give every child an id")
	}
	c.check(&faults, c.ID, s.v.m.conf.auto)
	if err := faults.err(); err != nil {
		return actor.PID{}, err
	}
	c = c.clone()
	return s.v.ask(ctx, call{kind: callStart, child: &c})
}

// TerminateChild stops a child, as its Shutdown says, and returns when it is gone. Its specification stays, unless it
// is Temporary. A child that does not run stays as it is; one that waits for its restart stays down. Siblings are not
// concerned, whatever the strategy. Errors: ErrNotFound.
func (s *Supervisor) TerminateChild(ctx context.Context, id string) error {
	_, err := s.v.ask(ctx, call{kind: callTerminate, id: id})
	return err
}

// RestartChild starts a child that is known and not running. Zero PID and no error: it returned Ignore.
// Errors: ErrNotFound, ErrRunning, ErrRestarting, or a [*StartError], the child stays known then.
func (s *Supervisor) RestartChild(ctx context.Context, id string) (actor.PID, error) {
	return s.v.ask(ctx, call{kind: callRestart, id: id})
}

// DeleteChild forgets a child that is not running. Errors: ErrNotFound, ErrRunning, ErrRestarting.
func (s *Supervisor) DeleteChild(ctx context.Context, id string) error {
	_, err := s.v.ask(ctx, call{kind: callDelete, id: id})
	return err
}

// Child describes the child with this id.
func (s *Supervisor) Child(id string) (ChildInfo, bool) {
	return s.v.child(func(t *table[actor.PID]) *entry[actor.PID] { return t.byID[id] })
}

// Children describes all children, in start order.
func (s *Supervisor) Children() []ChildInfo { return s.v.children() }

// Count counts the children.
func (s *Supervisor) Count() Counts { return s.v.count() }

// Stop ends the supervisor with Shutdown, after its children, in reverse start order, and returns when it is gone. If
// ctx ends before, the supervisor goes on ending. Stopping one that is gone already is no error.
func (s *Supervisor) Stop(ctx context.Context) error { return s.v.stop(ctx) }
