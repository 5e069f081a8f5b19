package main

import (
	"fmt"
	"time"
)

// question is the request of the peers' ask workloads; the answer is N+1.
type question struct{ N int }

// askTimeout is the time limit of an ask where the workload has one: far longer than any takes.
const askTimeout = 30 * time.Second

// checkAnswer compares the reply to the request with number i.
func checkAnswer(i int, got any) error {
	if got != any(i+1) {
		return fmt.Errorf("asked %d, got %v", i, got)
	}
	return nil
}
