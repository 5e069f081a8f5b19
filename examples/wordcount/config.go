package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// config is what a run works on; it comes from the command line.
type config struct {
	dir     string
	readers int
	shards  int
	top     int
	poison  string
	nodes   int
}

// most bounds the numbers a user may ask for: above it a mistyped digit is likelier than intent.
const most = 10_000

// parse reads the arguments and checks all of them, so that a user learns of every mistake at once.
func parse(args []string, usage io.Writer) (config, error) {
	var c config
	flags := flag.NewFlagSet("wordcount", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.StringVar(&c.dir, "dir", "", "directory `tree` to read (default: the source tree of Go)")
	flags.IntVar(&c.readers, "readers", 2*runtime.GOMAXPROCS(0), "processes that read files")
	flags.IntVar(&c.shards, "shards", runtime.GOMAXPROCS(0), "processes that add up words")
	flags.IntVar(&c.top, "top", 20, "rows of the table")
	flags.StringVar(&c.poison, "poison", "", "crash the reader of every file whose path contains this `text`")
	flags.IntVar(&c.nodes, "nodes", 1, "processes of the operating system: with more than one, the words are counted once here and once by all")
	if err := flags.Parse(args); err != nil {
		return config{}, err
	}
	if flags.NArg() > 0 {
		return config{}, fmt.Errorf("unexpected argument %q: name a directory with -dir %[1]s", flags.Arg(0))
	}
	if c.dir == "" {
		dir, err := goSource()
		if err != nil {
			return config{}, err
		}
		c.dir = dir
	}
	return c, c.validate()
}

// validate joins everything that is wrong, each with the flag to change and how.
func (c config) validate() error {
	return errors.Join(
		checkDir(c.dir),
		checkRange("readers", c.readers),
		checkRange("shards", c.shards),
		checkRange("top", c.top),
		checkNodes(c.nodes),
	)
}

func checkRange(name string, n int) error {
	if n < 1 || n > most {
		return fmt.Errorf("-%s %d: choose a number from 1 to %d", name, n, most)
	}
	return nil
}

// mostNodes bounds how many processes one machine is asked for.
const mostNodes = 16

func checkNodes(n int) error {
	if n < 1 || n > mostNodes {
		return fmt.Errorf("-nodes %d: choose a number from 1 to %d", n, mostNodes)
	}
	return nil
}

func checkDir(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("-dir %s: there is no such directory: name one that exists", dir)
	case err != nil:
		return fmt.Errorf("-dir %s: %w: name a directory you may read", dir, err)
	case !info.IsDir():
		return fmt.Errorf("-dir %s: this is a file: name the directory it is in, -dir %s", dir, filepath.Dir(dir))
	}
	return nil
}

// goSource finds the source tree of the Go installation: text that every reader of this has.
func goSource() (string, error) {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("-dir: cannot ask go for its source tree (%w): name a directory with -dir", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "src"), nil
}
