package tcp

import (
	"net"
	"testing"
	"time"
)

func TestASocketWithoutPatienceIsToldOf(t *testing.T) {
	t.Parallel()
	at, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", at.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = at.Close()
	_ = c.Close()
	if err := GiveUp(c, time.Second); err == nil {
		t.Error("a closed socket took the option")
	}
	in, out := net.Pipe()
	defer in.Close()
	defer out.Close()
	if err := GiveUp(in, time.Second); err != nil {
		t.Errorf("something that is no socket: %v", err)
	}
}
