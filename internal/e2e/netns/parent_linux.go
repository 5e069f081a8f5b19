package netns

import (
	"os/exec"
	"syscall"
)

// dieWithParent has the kernel kill the program when this process ends, however it ends. It is the thread that starts the
// program that counts; Go keeps its threads, unless a goroutine ends that is locked to one.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
