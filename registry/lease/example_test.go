package lease_test

import (
	"fmt"
	"sync"

	"github.com/foundation-runtime/foundation/registry/lease"
)

// account is a store that holders of a name write to.
type account struct {
	mu      sync.Mutex // protects the fields below
	fence   lease.Fence
	balance int
}

func (a *account) set(token lease.Token, balance int) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.fence.Admit(token); err != nil {
		return err
	}
	a.balance = balance
	return nil
}

// A store refuses what a holder writes that was paused and has a successor since.
func ExampleFence() {
	var a account
	paused, successor := lease.Token(41), lease.Token(57)
	fmt.Println(a.set(paused, 10))
	fmt.Println(a.set(successor, 20))
	fmt.Println(a.set(paused, 11))
	fmt.Println(a.balance)
	// Output:
	// <nil>
	// <nil>
	// lease: fenced off: the token 41 is older than 57, seen before; stop: another activation holds the name
	// 20
}
