package netns

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// prefix marks namespaces of this package.
const prefix = "foundation-e2e"

// owner is a process, told apart from later ones with the same identifier by when it started.
type owner struct {
	pid     int
	started uint64 // in ticks since the machine started
}

// name of a namespace of the n-th network of o.
func (o owner) name(n int64, host string) string {
	return fmt.Sprintf("%s-%d-%d-%d-%s", prefix, o.pid, o.started, n, host)
}

// parseName tells whose namespace has this name; ok is false if it is none of ours.
func parseName(name string) (o owner, ok bool) {
	rest, ok := strings.CutPrefix(name, prefix+"-")
	parts := strings.SplitN(rest, "-", 4)
	if !ok || len(parts) != 4 {
		return owner{}, false
	}
	pid, err := strconv.Atoi(parts[0])
	if err != nil || pid <= 0 {
		return owner{}, false
	}
	started, err := strconv.ParseUint(parts[1], 10, 64)
	if err != nil {
		return owner{}, false
	}
	return owner{pid, started}, true
}

// gone reports whether o has ended. When in doubt it has not.
func (o owner) gone() bool {
	now, err := ownerOf(o.pid)
	if os.IsNotExist(err) {
		return true
	}
	return err == nil && now != o
}

// ownerOf reads when the process pid started.
func ownerOf(pid int) (owner, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return owner{}, err
	}
	started, err := parseStat(string(stat))
	return owner{pid, started}, err
}

// parseStat finds field 22 of /proc/pid/stat. The second, the name of the program, may hold spaces and parentheses.
func parseStat(stat string) (started uint64, err error) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 {
		return 0, fmt.Errorf("netns: %q is no /proc/pid/stat", stat)
	}
	return strconv.ParseUint(fields[19], 10, 64)
}
