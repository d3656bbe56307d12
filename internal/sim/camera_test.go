package sim

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"image/jpeg"
	"io"
	"math"
	"net"
	"strconv"
	"testing"
	"time"
)

// greeting is the packet with which a viewer begins.
func greeting(user, code string) []byte {
	b := u32(binary.LittleEndian, 0x40, 0x3000, 0, 0)
	b = append(append(b, user...), make([]byte, 32-len(user))...)
	return append(append(b, code...), make([]byte, 32-len(code))...)
}

func watch(t *testing.T, p *Printer, packet []byte) *tls.Conn {
	t.Helper()
	conn, err := tls.Dial("tcp", net.JoinHostPort(p.Ports().Host, strconv.Itoa(p.Ports().Camera)), printerTLS(p.Serial()))
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	must(t, conn.SetDeadline(time.Now().Add(patience)))
	_, err = conn.Write(packet)
	must(t, err)
	return conn
}

// nextFrame is the next frame as its header says.
func nextFrame(t *testing.T, conn net.Conn) (length uint32, picture []byte) {
	t.Helper()
	header := make([]byte, 16)
	if _, err := io.ReadFull(conn, header); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(header[4:], u32(binary.LittleEndian, 0, 1, 0)) {
		t.Errorf("header % x", header)
	}
	length = binary.LittleEndian.Uint32(header)
	picture = make([]byte, min(length, 1000))
	if length < 1<<20 {
		picture = make([]byte, length)
	}
	_, err := io.ReadFull(conn, picture)
	must(t, err)
	return length, picture
}

func TestTheCameraShowsAFrameASecond(t *testing.T) {
	t.Parallel()
	b := newLANBench(t, Config{Model: "A1 mini"})
	b.on()
	conn := watch(t, b.Printer, greeting("bblp", testCode))
	begun := time.Now()
	for range 2 {
		_, picture := nextFrame(t, conn)
		if _, err := jpeg.Decode(bytes.NewReader(picture)); err != nil {
			t.Errorf("no picture: %v", err)
		}
	}
	if took := time.Since(begun); took < cameraPeriod*9/10 {
		t.Errorf("two frames within %v", took)
	}
}

func TestTheCameraHangsUpOnAWrongCode(t *testing.T) {
	t.Parallel()
	b := newLANBench(t, Config{})
	b.on()
	for name, packet := range map[string][]byte{
		"code": greeting("bblp", "12345679"), "longer code": greeting("bblp", testCode+"0"), "no code": greeting("bblp", ""), "user": greeting("root", testCode),
		"nothing": make([]byte, cameraGreets),
	} {
		if n, err := watch(t, b.Printer, packet).Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("%s: was shown something", name)
		}
	}
}

func TestTheCameraHasOneViewer(t *testing.T) {
	t.Parallel()
	b := newLANBench(t, Config{})
	b.on()
	first := watch(t, b.Printer, greeting("bblp", testCode))
	nextFrame(t, first)
	if _, err := watch(t, b.Printer, greeting("bblp", testCode)).Read(make([]byte, 1)); err == nil {
		t.Error("a second viewer was shown something")
	}
	must(t, first.Close())
	soon(t, "the next viewer", func() bool {
		_, err := watch(t, b.Printer, greeting("bblp", testCode)).Read(make([]byte, 1))
		return err == nil
	})
}

func TestTheCameraGoesWrongAsAsked(t *testing.T) {
	t.Parallel()
	b := newLANBench(t, Config{})
	b.on()
	b.goWrong(Faults{Camera: CameraFaults{HugeFrame: true}})
	conn := watch(t, b.Printer, greeting("bblp", testCode))
	if length, _ := nextFrame(t, conn); length != math.MaxUint32 {
		t.Errorf("a frame of %d bytes", length)
	}
	must(t, conn.Close())
	b.goWrong(Faults{Camera: CameraFaults{Garbage: true}})
	soon(t, "the next viewer", func() bool {
		conn := watch(t, b.Printer, greeting("bblp", testCode))
		defer conn.Close()
		header := make([]byte, 16+cameraGarbage)
		_, err := io.ReadFull(conn, header)
		return err == nil && !bytes.HasPrefix(header[16:], []byte{0xFF, 0xD8})
	})
}

func TestEachModelHasItsOwnKindOfCamera(t *testing.T) {
	t.Parallel()
	for model, jpegs := range map[string]bool{"P1P": true, "P1S": true, "A1": true, "A1 mini": true, "A2L": true, "X1C": false, "X1E": false, "P2S": false, "H2D": false, "X2D": false} {
		p := newLANBench(t, Config{Model: model}).Ports()
		if (p.Camera != 0) != jpegs || (p.RTSPS != 0) == jpegs {
			t.Errorf("%s: camera on %d, video on %d", model, p.Camera, p.RTSPS)
		}
	}
}
