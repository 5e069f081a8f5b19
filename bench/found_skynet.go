package main

import (
	"context"
	"errors"

	"github.com/foundation-runtime/foundation/actor"
)

// branch tells a node of the tree which leaves it has.
type branch struct{ num, size int }

// node is a process of the tree: a leaf reports its number, the others spawn ten children and add up. It is typed, so
// that numbers travel unboxed: num is a part of the sum, or the branch a node is to grow.
type node struct {
	parent actor.Ref[branch]
	result chan<- int // of the root, which has no parent
	grown  bool
	sum    int
	open   int
}

func (t *node) Receive(ctx *actor.Context, b branch) error {
	switch {
	case t.grown:
		t.sum += b.num
		t.open--
	case b.size > 1:
		return t.grow(ctx, b)
	default:
		t.sum = b.num
	}
	if t.open > 0 {
		return nil
	}
	if t.result != nil {
		t.result <- t.sum
	} else {
		t.parent.Send(ctx, branch{num: t.sum})
	}
	return actor.Normal
}

// grow spawns the children.
func (t *node) grow(ctx *actor.Context, b branch) error {
	t.grown, t.open = true, skynetFan
	part := b.size / skynetFan
	self := actor.RefOf[branch](ctx.Self())
	for i := range skynetFan {
		child, err := actor.SpawnTyped(ctx, &node{parent: self})
		if err != nil {
			return err
		}
		child.Send(ctx, branch{num: b.num + i*part, size: part})
	}
	return nil
}

// foundSkynet is the tree of processes. All have ended when it returns.
func foundSkynet(ctx context.Context, _ *env) (int, error) {
	sys, err := newSystem()
	if err != nil {
		return 0, err
	}
	result := make(chan int, 1)
	root, err := actor.SpawnTyped(sys, &node{result: result})
	if err != nil {
		return 0, errors.Join(err, closeSystem(sys)())
	}
	root.Send(sys, branch{num: 0, size: skynetLeaves})
	select {
	case sum := <-result:
		return sum, closeSystem(sys)()
	case <-ctx.Done():
		return 0, errors.Join(context.Cause(ctx), closeSystem(sys)())
	}
}
