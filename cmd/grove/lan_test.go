package main

import (
	"testing"

	"github.com/grovecloud/grove"
)

func TestWhatWasFoundSaysHowToAddIt(t *testing.T) {
	t.Parallel()
	found := grove.FoundPrinter{Serial: "00M00A000000001", Name: "Bench", Model: "BL-P001", Host: "127.0.0.2", Connect: "lan"}
	if got, want := foundLine(found), "00M00A000000001\tBench\tX1 Carbon\t127.0.0.2\tlan\tno"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	found.MQTTS, found.FTPS, found.Camera, found.RTSPS = 9883, 9990, 7000, 3322
	if got, want := foundLine(found), "00M00A000000001\tBench\tX1 Carbon\t127.0.0.2 --mqtts-port 9883 --ftps-port 9990 --camera-port 7000 --rtsps-port 3322\tlan\tno"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
