package placement_test

import (
	"fmt"

	"github.com/foundation-runtime/foundation/cluster/placement"
)

func Example() {
	all := []placement.Member{{Name: "a"}, {Name: "b"}, {Name: "c", Weight: 2}}
	before, err := placement.New(placement.Config{}, all)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(before.Owner("user/7"), before.AppendOwners(nil, before.PartitionOf("user/7"), 3))

	after, err := placement.New(placement.Config{}, all[:2]) // c is lost
	if err != nil {
		fmt.Println(err)
		return
	}
	moves, err := placement.Diff(before, after)
	fmt.Println(after.Owner("user/7"), len(moves), moves[0].From, err)
	// Output:
	// c [c b a]
	// b 8133 c <nil>
}
