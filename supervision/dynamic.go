package supervision

import (
	"context"
	"reflect"

	"github.com/foundation-runtime/foundation/actor"
)

// Dynamic is a handle of a dynamic supervisor. What [Supervisor] says of handles holds for it too.
type Dynamic struct{ v *view }

// StartDynamic starts a dynamic supervisor. What [Start] says of s, faults and opts holds for it too.
func StartDynamic(s actor.Spawner, spec DynamicSpec, opts ...actor.SpawnOption) (*Dynamic, error) {
	v, err := launch(s, spec, opts)
	if err != nil {
		return nil, err
	}
	return &Dynamic{v}, nil
}

// AttachDynamic is [Attach] for a dynamic supervisor.
func AttachDynamic(s *actor.System, pid actor.PID) *Dynamic {
	return &Dynamic{attach(s, pid, kindDynamic)}
}

// PID is the supervisor's process.
func (d *Dynamic) PID() actor.PID { return d.v.pid }

// StartChild adds a child and starts it. What c leaves zero comes from the Template of the spec. It returns the zero
// PID and no error if the child returned Ignore from Init; it is not kept then.
//
// Errors: a [*SpecError], ErrMaxChildren, or a [*StartError], the child is not kept then.
func (d *Dynamic) StartChild(ctx context.Context, c Child) (actor.PID, error) {
	if t := &d.v.template; reflect.ValueOf(c).IsZero() && (t.Start != nil || t.Supervisor != nil) {
		return d.v.ask(ctx, call{kind: callStart, child: t}) // checked already, and shared
	}
	c = c.over(d.v.template)
	var faults checker
	c.check(&faults, c.ID, d.v.m.conf.auto)
	if err := faults.err(); err != nil {
		return actor.PID{}, err
	}
	c = c.clone()
	return d.v.ask(ctx, call{kind: callStart, child: &c})
}

// TerminateChild stops a child, as its Shutdown says, and returns when it is gone and forgotten. A child that waits for
// its restart is named by its last PID. Errors: ErrNotFound.
func (d *Dynamic) TerminateChild(ctx context.Context, pid actor.PID) error {
	_, err := d.v.ask(ctx, call{kind: callTerminate, pid: pid})
	return err
}

// Child describes the child with this PID.
func (d *Dynamic) Child(pid actor.PID) (ChildInfo, bool) {
	return d.v.child(func(t *table[actor.PID]) *entry[actor.PID] { return t.byPID[pid] })
}

// Children describes all children, in the order in which they were started first.
func (d *Dynamic) Children() []ChildInfo { return d.v.children() }

// Count counts the children.
func (d *Dynamic) Count() Counts { return d.v.count() }

// Stop ends the supervisor with Shutdown, after its children, which are told all at once, and returns when it is gone.
// If ctx ends before, the supervisor goes on ending. Stopping one that is gone already is no error.
func (d *Dynamic) Stop(ctx context.Context) error { return d.v.stop(ctx) }

// noActor stands for the Start that a template need not have.
func noActor() actor.Actor { return nil }
