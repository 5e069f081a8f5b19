package main

import (
	"context"
	"flag"
	"fmt"
	"runtime/debug"
)

// version prints what the Go tool knows of this build.
func version(_ context.Context, args []string, s surroundings) error {
	if err := parseFlags(flag.NewFlagSet("version", flag.ContinueOnError), args, s); err != nil {
		return err
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return fmt.Errorf("this program was built without module support, so its version is not known")
	}
	text := "foundation " + info.Main.Version
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			text += ", commit " + setting.Value
		}
	}
	_, err := fmt.Fprintf(s.stdout, "%s, %s\n", text, info.GoVersion)
	return err
}
