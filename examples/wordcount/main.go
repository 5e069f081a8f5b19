// Command wordcount counts the words of a directory tree with a few kinds of processes: readers that take one file at
// a time, a pool that replaces readers that crash, shards that each own a part of the words, and a collector.
//
// A file that crashes its reader costs the run that file and nothing else; try -poison=json.
//
// With -nodes 3 it counts everything twice: by itself, and with two more processes of the operating system, which it starts. They
// are nodes of a cluster. As if they were on other machines they get the text, in pieces; shards are on all nodes, and whoever
// counts a piece sends each word to the shard that owns it. Both results must be the same.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if args := os.Getenv(nodeVariable); args != "" {
		err = beNode(ctx, args, os.Stdin)
	} else {
		err = program(ctx, os.Args[1:], os.Stdout, os.Stderr)
	}
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "wordcount:", err)
		os.Exit(1)
	}
}

// program is main with its surroundings as arguments.
func program(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	c, err := parse(args, stderr)
	if err != nil {
		return err
	}
	start := time.Now()
	fmt.Fprintf(stderr, "counting the words of %s\n", c.dir)
	r, err := run(ctx, c, os.DirFS(c.dir), newProgress(stderr))
	if err != nil {
		return err
	}
	took := time.Since(start)
	if c.nodes == 1 {
		return render(stdout, r, took)
	}
	fmt.Fprintf(stderr, "and again, with %d processes\n", c.nodes)
	again, tookAgain, err := runOnNodes(ctx, c, os.DirFS(c.dir), newProgress(stderr), stderr)
	if err != nil {
		return err
	}
	if err := same(r, again); err != nil {
		return fmt.Errorf("%d processes have another result than one: %w", c.nodes, err)
	}
	return errors.Join(render(stdout, again, tookAgain), compare(stdout, r, took, tookAgain, c.nodes))
}

// run counts the tree with a system of its own, which is gone when it returns.
func run(ctx context.Context, c config, fsys fs.FS, progress func(done, total int64)) (r result, err error) {
	sys, err := actor.NewSystem("wordcount")
	if err != nil {
		return result{}, err
	}
	defer func() {
		// ctx may have ended, and the processes still have to.
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		err = errors.Join(err, sys.Shutdown(end))
	}()
	return runIn(ctx, sys, here(), c, fsys, progress)
}

// places says where processes run.
type places struct {
	shard   func(ctx *actor.Context) (actor.PID, error) // linked to the caller
	counter func(ctx *actor.Context, shards []actor.PID) (actor.PID, error)
}

// here is that all run in one System: shards beside the readers, which count themselves.
func here() places {
	return places{shard: func(ctx *actor.Context) (actor.PID, error) { return ctx.SpawnLink(newShard()) }}
}

func runIn(ctx context.Context, sys *actor.System, p places, c config, fsys fs.FS, progress func(done, total int64)) (result, error) {
	files, unread := list(fsys)
	pid, err := sys.Spawn(&collector{config: c, places: p, fsys: fsys, files: files, progress: progress})
	if err != nil {
		return result{}, err
	}
	r, err := actor.Ask(ctx, pid, finish{})
	if err == nil && len(unread) > 0 {
		r.Skipped[unreadable] = append(r.Skipped[unreadable], unread...)
	}
	return r, err
}

// list finds the regular files of a tree, and what of it cannot be listed. Links are not followed: they may lead in
// circles.
func list(fsys fs.FS) (files []string, unread []failure) {
	// The function never returns an error but SkipDir, so neither does the walk.
	_ = fs.WalkDir(fsys, ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			unread = append(unread, failure{path, err})
			if d != nil && d.IsDir() {
				return fs.SkipDir
			}
		case d.Type().IsRegular():
			files = append(files, path)
		}
		return nil
	})
	return files, unread
}

// newProgress returns a function that draws a bar: over and over on one line of a terminal, as a line a second
// elsewhere. It is called by one process at a time.
func newProgress(w io.Writer) func(done, total int64) {
	every, before, after := time.Second, "", "\n"
	if f, ok := w.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			every, before, after = 50*time.Millisecond, "\r", ""
		}
	}
	last := time.Now()
	return func(done, total int64) {
		if done < total && time.Since(last) < every {
			return
		}
		last = time.Now()
		fmt.Fprint(w, before, bar(done, total, 40), after)
		if done == total && after == "" {
			fmt.Fprintln(w)
		}
	}
}
