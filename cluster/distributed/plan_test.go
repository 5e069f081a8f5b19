package distributed

import (
	"testing"

	"github.com/foundation-runtime/foundation/supervision"
)

// every calls yield with all facts that can be.
func every(yield func(facts)) {
	specs := []*spec{nil}
	for s := Singleton; s <= Local; s++ {
		for r := supervision.Permanent; r <= supervision.Temporary; r++ {
			specs = append(specs, &spec{strategy: s, restart: r}, &spec{strategy: s, restart: r, stopped: true})
		}
	}
	for _, s := range specs {
		for p := idle; p <= phaseFailed; p++ {
			for last := status(0); last <= failed; last++ {
				for bits := range 1 << 6 {
					f := facts{spec: s, phase: p, last: note{status: last}}
					for i, at := range []*bool{&f.here, &f.ready, &f.held, &f.elsewhere, &f.worse, &f.stale} {
						*at = bits>>i&1 == 1
					}
					yield(f)
				}
			}
		}
	}
}

// TestDecide states what must hold of every decision.
func TestDecide(t *testing.T) {
	n := 0
	every(func(f facts) {
		n++
		v := decide(f)
		wanted := f.spec != nil && !f.spec.stopped
		once := f.spec != nil && f.spec.strategy.once()
		bad := func(why string) { t.Fatalf("%+v: verb %d: %s", f, v, why) }
		switch v {
		case doStart:
			switch {
			case f.phase != idle:
				bad("something is done here already")
			case !wanted:
				bad("nobody wants it")
			case !f.here:
				bad("it belongs elsewhere")
			case !f.ready || f.held:
				bad("it is not known what the others run")
			case once && f.elsewhere:
				bad("it is elsewhere")
			case f.last.status == failed:
				bad("it had failed")
			case once && f.last.status != 0 && f.spec.restart == supervision.Temporary:
				bad("it is to run once in its life")
			}
		case doStop, doYield:
			if f.phase != phaseRunning && f.phase != phaseStarting {
				bad("there is nothing to stop")
			}
			if v == doStop && wanted || v == doYield && (!f.worse || !once) {
				bad("there is no reason to")
			}
		case doErase:
			if f.phase != phaseFailed {
				bad("there is a process")
			}
		case doFail, doForget, doWait:
			if f.phase != idle || !wanted || !f.here || once && f.elsewhere {
				bad("it is not this node's affair")
			}
		case doNothing:
			switch {
			case f.phase == phaseRunning && !wanted:
				bad("it runs, and nobody wants it")
			case f.phase == phaseRunning && f.worse && once:
				bad("it runs twice")
			case f.phase == idle && wanted && f.here && !f.elsewhere && f.ready && !f.held:
				bad("nobody starts it")
			}
		}
	})
	t.Log(n, "decisions")
}

// TestOneOfTwo is the heart of the dedupe: of two nodes that both run a child and see each other's activation exactly one yields.
func TestOneOfTwo(t *testing.T) {
	for _, firstIsWorse := range []bool{false, true} {
		s := &spec{}
		a := decide(facts{spec: s, phase: phaseRunning, elsewhere: true, worse: firstIsWorse, ready: true})
		b := decide(facts{spec: s, phase: phaseRunning, elsewhere: true, worse: !firstIsWorse, ready: true})
		if (a == doYield) == (b == doYield) {
			t.Fatal("both or none yield:", a, b)
		}
	}
}
