package supervision

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write what the scripts in testdata give as what they should give")

// TestScripts runs the scripts in testdata. A script sets up a supervisor, then tells what happens, a line each; a line
// that begins with ">" says what the supervisor does about the line before, and how its children are afterwards.
//
//	supervisor <strategy>|Dynamic [intensity n] [period d] [auto Any|All] [backoff min,max,jitter,reset] [max n]
//	child <id> [permanent|transient|temporary] [significant] [kill|infinity|<shutdown>] [async] [ready <d>]
//	begin; exit <id> normal|shutdown|abnormal; pass <d>; retry; tell
//	add <child>; terminate, restart, delete <id>
//	fail <id>; ignore <id>; work <id>: how its starts go from now on; stubborn <id>: it ends only when killed
//	holding: from now on processes end only by gone
//	ready <id>: an async child reports; gone <id> <class>: the newest process ends (also one that was told)
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts in testdata", err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txt"), func(t *testing.T) { runScript(t, f) })
	}
}

type script struct {
	*sim
	conf  config
	specs []Child
	how   map[string]string
	token uint64
}

func runScript(t *testing.T, file string) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	sc := &script{how: map[string]string{}}
	var out []string
	for n, line := range strings.Split(strings.TrimRight(string(data), "\n"), "\n") {
		if strings.HasPrefix(line, ">") {
			continue
		}
		out = append(out, line)
		words := strings.Fields(line)
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		if err := sc.line(words); err != nil {
			t.Fatalf("%s:%d: %s: %v", file, n+1, line, err)
		}
		if sc.sim != nil && words[0] != "child" {
			out = append(out, strings.TrimRight("> "+sc.take()+" | "+sc.table(), " "))
		}
	}
	got := strings.Join(out, "\n") + "\n"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if got != string(data) {
		t.Errorf("%s: got\n%s", file, got)
	}
}

func (sc *script) line(w []string) error {
	switch w[0] {
	case "supervisor":
		return sc.supervisor(w[1:])
	case "child":
		s, err := parseChild(w[1:])
		sc.specs = append(sc.specs, s)
		return err
	case "begin":
		sc.sim = newSim(sc.conf, sc.specs...)
		sc.sim.start = func(id string) string { return sc.how[id] }
		sc.sim.begin()
		return nil
	case "fail", "ignore", "work":
		sc.how[w[1]] = map[string]string{"fail": "cannot", "ignore": "ignore"}[w[0]]
		return nil
	}
	if sc.sim == nil {
		return fmt.Errorf("begin is missing")
	}
	return sc.happen(w)
}

func (sc *script) happen(w []string) error {
	switch w[0] {
	case "exit", "gone":
		sc.exit(w[1], map[string]exitClass{"normal": exitNormal, "shutdown": exitShutdown, "abnormal": exitAbnormal}[w[2]])
	case "pass":
		d, err := time.ParseDuration(w[1])
		sc.pass(d)
		return err
	case "retry":
		sc.fireOne(0)
	case "tell":
		sc.tell()
	case "ready":
		sc.m.ready(sc.now, sc.pid(w[1]))
		sc.run()
	case "stubborn":
		sc.stubborn[w[1]] = true
	case "holding":
		sc.slow = true
	case "add":
		s, err := parseChild(w[1:])
		sc.token++
		sc.do1(&command[int]{kind: cmdStart, token: sc.token, child: &s})
		return err
	case "terminate", "restart", "delete":
		sc.token++
		k := map[string]commandKind{"terminate": cmdTerminate, "restart": cmdRestart, "delete": cmdDelete}[w[0]]
		c := &command[int]{kind: k, token: sc.token, id: w[1]}
		if sc.m.conf.dynamic {
			fmt.Sscan(w[1], &c.pid)
		}
		sc.do1(c)
	default:
		return fmt.Errorf("unknown word %q", w[0])
	}
	return nil
}

func (sc *script) supervisor(w []string) (err error) {
	switch w[0] {
	case "Dynamic":
		sc.conf.dynamic = true
	default:
		for s := OneForOne; s <= RestForOne; s++ {
			if s.String() == w[0] {
				sc.conf.strategy = s
			}
		}
	}
	for i := 1; i+1 < len(w); i += 2 {
		switch w[i] {
		case "intensity":
			_, err = fmt.Sscan(w[i+1], &sc.conf.intensity)
		case "period":
			sc.conf.period, err = time.ParseDuration(w[i+1])
		case "auto":
			sc.conf.auto = map[string]AutoShutdown{"Any": AnySignificant, "All": AllSignificant}[w[i+1]]
		case "max":
			_, err = fmt.Sscan(w[i+1], &sc.conf.max)
		case "backoff":
			p := strings.Split(w[i+1], ",")
			sc.conf.backoff.Min, _ = time.ParseDuration(p[0])
			sc.conf.backoff.Max, _ = time.ParseDuration(p[1])
			fmt.Sscan(p[2], &sc.conf.backoff.Jitter)
			sc.conf.backoff.Reset, err = time.ParseDuration(p[3])
		default:
			err = fmt.Errorf("unknown word %q", w[i])
		}
	}
	return err
}

func parseChild(w []string) (s Child, err error) {
	s.ID = w[0]
	for i := 1; i < len(w); i++ {
		switch w[i] {
		case "permanent":
		case "transient":
			s.Restart = Transient
		case "temporary":
			s.Restart = Temporary
		case "significant":
			s.Significant = true
		case "kill":
			s.Shutdown = BrutalKill
		case "infinity":
			s.Shutdown = Infinity
		case "async":
			s.Ready = Infinity
		case "ready":
			i++
			s.Ready, err = time.ParseDuration(w[i])
		default:
			s.Shutdown, err = time.ParseDuration(w[i])
		}
	}
	return s, err
}
