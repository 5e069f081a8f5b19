package distributed

import "github.com/foundation-runtime/foundation/supervision"

// phase is what this node does about a child.
type phase uint8

const (
	idle phase = iota
	phaseStarting
	phaseRunning
	phaseStopping
	phaseFailed
	phaseMoving // away, or gone already
)

// facts are all that a decision about one child depends on.
type facts struct {
	spec      *spec // nil: nobody wants it
	phase     phase // here
	here      bool  // it belongs to this node
	ready     bool  // this node knows what all others run
	held      bool  // where it ran last is lost, and that is not settled
	elsewhere bool  // there is an activation of another member that counts
	worse     bool  // that one stays and ours goes; it is known to be there
	stale     bool  // ours failed, and somebody has asked for the child since
	last      note  // of the greatest activation since somebody asked for the child; zero if there was none
}

// verb is what to do about a child.
type verb uint8

const (
	doNothing verb = iota
	doStart        // here
	doStop         // nobody wants it
	doYield        // it is elsewhere by better right
	doErase        // our activation says nothing that is of use
	doFail         // it had failed at a node that is gone: say so
	doForget       // it is not to run a second time: delete it
	doWait         // it is to be started here, later
)

// decide is the whole policy: who starts what, and who stops what. It is a function of what is known, and asks nobody.
func decide(f facts) verb {
	wanted := f.spec != nil && !f.spec.stopped
	switch f.phase {
	case phaseStopping, phaseMoving:
		return doNothing
	case phaseStarting, phaseRunning:
		switch {
		case !wanted:
			return doStop
		case f.worse && f.spec.strategy.once():
			return doYield
		}
		return doNothing
	case phaseFailed:
		if !wanted || f.stale || f.worse && f.spec.strategy.once() {
			return doErase
		}
		return doNothing
	}
	switch {
	case !wanted || !f.here || f.elsewhere && f.spec.strategy.once():
		return doNothing
	case !f.ready || f.held:
		return doWait
	case f.last.status == failed:
		return doFail
	case f.last.status != 0 && f.spec.restart == supervision.Temporary && f.spec.strategy.once():
		return doForget
	}
	return doStart
}
