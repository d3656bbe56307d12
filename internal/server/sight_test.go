package server

import (
	"bufio"
	"bytes"
	"context"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/bridge"
	"github.com/grovecloud/grove/internal/sim"
)

// pictured adds a printer of the network with its cameras.
func (h *house) pictured(change ...func(*sim.Config)) *sim.Printer {
	h.t.Helper()
	p := h.onLAN(change...)
	in := request(p)
	in.Camera, in.RTSPS, in.FTPS = p.Ports().Camera, p.Ports().RTSPS, p.Ports().FTPS
	if _, err := h.client.AddPrinter(h.t.Context(), in); err != nil {
		h.t.Fatal(err)
	}
	h.connected(bench)
	return p
}

func (h *house) slicer(t *testing.T) *slicer {
	t.Helper()
	return &slicer{t: t, base: h.info.HTTP, token: string(h.client.Token())}
}

// told is what is answered, whatever it is.
func (s *slicer) told(target string) string {
	s.t.Helper()
	if strings.HasPrefix(target, "/") {
		target = s.base + target
	}
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, target, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	w, err := web.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer w.Body.Close()
	body, err := io.ReadAll(w.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(body)
}

// patient is lanConfig for tests whose decoding keeps the machine busy.
func patient(t testing.TB) Config {
	t.Helper()
	c := lanConfig(t)
	c.lan.Ping, c.lan.Silence = time.Second, 10*time.Second
	return c
}

// needsFFmpeg skips where there is none, but not where all tests must run.
func needsFFmpeg(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("ffmpeg is not installed")
		}
		t.Skip("ffmpeg is not installed")
	}
}

// frames opens a stream and gives so many of its pictures.
func frames(ctx context.Context, link string, n int) (pictures [][]byte, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, link, nil)
	if err != nil {
		return nil, err
	}
	w, err := web.Do(r)
	if err != nil {
		return nil, err
	}
	defer w.Body.Close()
	parts := multipart.NewReader(bufio.NewReader(w.Body), "picture")
	for len(pictures) < n {
		part, err := parts.NextRawPart()
		if err != nil {
			return pictures, err
		}
		picture, err := io.ReadAll(part)
		if err != nil {
			return pictures, err
		}
		pictures = append(pictures, picture)
	}
	return pictures, nil
}

// tellTale looks for the access code where others on the machine could read it.
func tellTale(t *testing.T) (ran bool) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range all {
		line, _ := os.ReadFile(name) // it may have ended
		if !bytes.Contains(line, []byte("mpjpeg")) {
			continue
		}
		ran = true
		setting, _ := os.ReadFile(filepath.Join(filepath.Dir(name), "environ"))
		if bytes.Contains(append(line, setting...), []byte(lanCode)) {
			t.Errorf("the access code is in %q", line)
		}
	}
	return ran
}

// ffprobes lets a program that knows nothing of Grove look at a stream, where there is one.
func ffprobes(t *testing.T, link string) {
	t.Helper()
	if _, err := exec.LookPath("ffprobe"); err != nil {
		return // needsFFmpeg says so where it must be there
	}
	out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-f", "mpjpeg", "-read_intervals", "%+#2", "-count_frames",
		"-show_entries", "stream=codec_name,width,height,nb_read_frames", "-of", "csv=p=0", link).CombinedOutput()
	if got := strings.TrimSpace(string(out)); err != nil || got != "mjpeg,640,360,2" {
		t.Errorf("ffprobe sees %q %v", got, err)
	}
}

// resembles compares a picture with what is to be seen of a printer that is idle:
// the background, the bar, the plate and the nozzle above it, each with its color.
func resembles(t *testing.T, got []byte, p *sim.Printer) {
	t.Helper()
	drawn, err := p.Picture()
	if err != nil {
		t.Error(err)
		return
	}
	var pictures [2]image.Image
	for i, raw := range [][]byte{got, drawn} {
		if pictures[i], err = jpeg.Decode(bytes.NewReader(raw)); err != nil || pictures[i].Bounds() != image.Rect(0, 0, 640, 360) {
			t.Errorf("picture %v %v", pictures[i], err)
			return
		}
	}
	seen := map[color.Color]bool{}
	for _, at := range []image.Point{{600, 40}, {10, 110}, {630, 350}, {100, 168}, {560, 286}, {490, 260}} {
		a, b := color.RGBAModel.Convert(pictures[0].At(at.X, at.Y)).(color.RGBA), color.RGBAModel.Convert(pictures[1].At(at.X, at.Y)).(color.RGBA)
		const near = 12
		if far := max(a.R, b.R)-min(a.R, b.R) > near || max(a.G, b.G)-min(a.G, b.G) > near || max(a.B, b.B)-min(a.B, b.B) > near; far {
			t.Errorf("at %v is %v, and %v was drawn", at, a, b)
		}
		seen[b] = true
	}
	if len(seen) < 3 {
		t.Errorf("%d colors were drawn", len(seen))
	}
}

func TestPrintersOnTheNetworkAreSeenByManyAndReadByOne(t *testing.T) {
	t.Parallel()
	for _, model := range []string{"P1S", "X1C", "P2S"} { // the last one's video has a clock that stands still
		t.Run(model, func(t *testing.T) {
			t.Parallel()
			if model != "P1S" {
				needsFFmpeg(t)
			}
			h := owned(t, patient(t))
			p := h.pictured(func(c *sim.Config) { c.Model = model })
			s := h.slicer(t)
			still := s.text(s.good(s.call("GET", iotUser+"/device/"+bench+"/snapshot", "")), "url")
			resembles(t, s.ask("GET", still, nil, false), p)
			link := s.text(s.good(s.call("GET", iotUser+"/device/"+bench+"/video", "")), "url")
			ffprobes(t, link)
			var watching sync.WaitGroup
			for viewer := range 50 {
				watching.Go(func() {
					pictures, err := frames(t.Context(), link, 3)
					if err != nil {
						t.Errorf("after %d pictures: %v", len(pictures), err)
						return
					}
					for _, picture := range pictures {
						if !bytes.HasPrefix(picture, []byte("\xFF\xD8")) {
							t.Errorf("a picture of %d bytes is none", len(picture))
						}
					}
					if viewer == 0 {
						resembles(t, pictures[2], p)
					}
				})
			}
			watching.Wait()
			if n := p.Views(); n != 1 {
				t.Errorf("the printer was read %d times, want once", n)
			}
			if ran := tellTale(t); model != "P1S" && !ran {
				if _, err := os.Stat("/proc/self/cmdline"); err == nil {
					t.Error("ffmpeg does not run")
				}
			}
		})
	}
}

// A bridge passes what a camera sends as it passes the rest, and ends it with whoever watched.
func TestPrintersOfAnotherNetworkAreSeen(t *testing.T) {
	t.Parallel()
	for _, model := range []string{"A1 mini", "H2D"} {
		t.Run(model, func(t *testing.T) {
			t.Parallel()
			if model == "H2D" {
				needsFFmpeg(t)
			}
			c := distant(t)
			c.lan.Ping = patient(t).lan.Ping
			c.TLS = false // what opens the links trusts no CA of ours
			h := owned(t, c)
			p := h.onLAN(func(c *sim.Config) { c.Model = model })
			at := p.Ports()
			made, _, stop := h.bridged(p, func(c *bridge.RemoteConfig) { c.Ports = append(c.Ports, at.Camera, at.RTSPS) })
			in := behind(made.ID, p)
			in.Camera, in.RTSPS = at.Camera, at.RTSPS
			if _, err := h.client.AddPrinter(t.Context(), in); err != nil {
				t.Fatal(err)
			}
			h.connected(bench)
			s := h.slicer(t)
			still := s.text(s.good(s.call("GET", iotUser+"/device/"+bench+"/snapshot", "")), "url")
			resembles(t, s.ask("GET", still, nil, false), p)
			link := s.text(s.good(s.call("GET", iotUser+"/device/"+bench+"/video", "")), "url")
			if pictures, err := frames(t.Context(), link, 3); err != nil {
				t.Errorf("after %d pictures: %v", len(pictures), err)
			}
			if n := p.Views(); n != 1 {
				t.Errorf("the printer was read %d times, want once", n)
			}
			stop()
			until(t, "it is said why there is none", func() bool { return strings.Contains(s.told(still), made.ID) })
		})
	}
}

func TestACameraThatIsOffOrCannotBeDecodedSaysWhatToDo(t *testing.T) {
	t.Parallel()
	c := lanConfig(t)
	c.lan.FFmpeg = filepath.Join(t.TempDir(), "ffmpeg")
	h := owned(t, c)
	p := h.pictured(func(c *sim.Config) { c.Model = "X1C" })
	s := h.slicer(t)
	refusal := func() string { return s.told(iotUser + "/device/" + bench + "/snapshot") }
	if says := refusal(); !strings.Contains(says, "ffmpeg") || !strings.Contains(says, "install it") {
		t.Errorf("without ffmpeg: %s", says)
	}
	wrong(t, p, func(f *sim.Faults) { f.Camera.Off = true })
	until(t, "the printer says that liveview is off", func() bool { return strings.Contains(refusal(), "switch LAN liveview on") })
}

func TestABadCameraHurtsNobodyElse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*sim.CameraFaults)
		says   string
	}{
		"4 GB":  {func(f *sim.CameraFaults) { f.HugeFrame = true }, "4294967295 bytes"},
		"noise": {func(f *sim.CameraFaults) { f.Garbage = true }, "no JPEG"},
		"off":   {func(f *sim.CameraFaults) { f.Off = true }, "hung up"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := owned(t, lanConfig(t))
			p := h.pictured(func(f *sim.Config) { c.change(&f.Faults.Camera) })
			s := h.slicer(t)
			link := s.text(s.good(s.call("GET", iotUser+"/device/"+bench+"/snapshot", "")), "url")
			if says := s.told(link); !strings.Contains(says, c.says) {
				t.Errorf("told %s", says)
			}
			if h.links() != 1 {
				t.Error("the printer is not connected any more")
			}
			wrong(t, p, func(f *sim.Faults) { f.Camera = sim.CameraFaults{} })
			until(t, "it is seen again", func() bool { return strings.HasPrefix(s.told(link), "\xFF\xD8") })
		})
	}
}

// Room is made for a picture as large as a camera says, so there is a bound.
func TestAVideoOfHugePicturesTakesNoMemory(t *testing.T) {
	t.Parallel()
	needsFFmpeg(t)
	h := owned(t, patient(t))
	p := h.pictured(func(c *sim.Config) { c.Model, c.Faults.Camera.HugeFrame = "X1C", true })
	s := h.slicer(t)
	link := s.text(s.good(s.call("GET", iotUser+"/device/"+bench+"/snapshot", "")), "url")
	told := make(chan string, 1)
	go func() { told <- s.told(link) }()
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	most := 0
	for says := ""; says == ""; {
		select {
		case says = <-told:
			if !strings.Contains(says, "makes no pictures") {
				t.Errorf("told %s", says)
			}
		case <-look.C:
			most = max(most, decoders(t))
		}
	}
	if most > 400<<10 {
		t.Errorf("ffmpeg takes %d KiB", most)
	}
	if h.links() != 1 {
		t.Error("the printer is not connected any more")
	}
	wrong(t, p, func(f *sim.Faults) { f.Camera = sim.CameraFaults{} })
	until(t, "it is seen again", func() bool { return strings.HasPrefix(s.told(link), "\xFF\xD8") })
}

// decoders is the most KiB that an ffmpeg of this process has taken, where that can be told.
func decoders(t *testing.T) (most int) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/status")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range all {
		text, _ := os.ReadFile(name) // it may have ended
		if parent := statusLine.FindSubmatch(text); parent == nil || string(parent[1]) != "ffmpeg" || string(parent[2]) != strconv.Itoa(os.Getpid()) {
			continue
		} else if n, err := strconv.Atoi(string(parent[3])); err == nil {
			most = max(most, n)
		}
	}
	return most
}

var statusLine = regexp.MustCompile(`(?s)^Name:\s*(\S+)\n.*\nPPid:\s*(\d+)\n.*\nVmHWM:\s*(\d+) kB\n`)

func TestAStrangerAtTheCameraIsToldNoCode(t *testing.T) {
	t.Parallel()
	h := owned(t, lanConfig(t))
	p := h.pictured()
	wrong(t, p, func(f *sim.Faults) { f.Certificate = sim.OtherKey })
	s := h.slicer(t)
	link := s.text(s.good(s.call("GET", iotUser+"/device/"+bench+"/snapshot", "")), "url")
	if says := s.told(link); !strings.Contains(says, "another key") {
		t.Errorf("told %s", says)
	}
	until(t, "the printer is in quarantine", func() bool { return h.shownLive().LAN.Quarantined() })
	if p.Views() != 0 {
		t.Error("a stranger's camera was read")
	}
}

func TestAJobShowsHowItEnded(t *testing.T) {
	t.Parallel()
	c := lanConfig(t)
	c.KeepDays = 90
	h := owned(t, c)
	h.pictured()
	id := h.print(h.uploadFor("C12", 0).FileID)
	if j := h.ends(id); j.State != grove.Finished {
		t.Fatalf("job %s: %s", j.State, j.Why)
	}
	link := func() string {
		j, err := h.client.Job(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return j.SnapshotURL
	}
	until(t, "the job has a picture", func() bool { return link() != "" })
	s := h.slicer(t)
	if picture, err := jpeg.Decode(bytes.NewReader(s.ask("GET", link(), nil, false))); err != nil || picture.Bounds().Dx() != 640 {
		t.Errorf("picture %v %v", picture, err)
	}
	if says := s.told(strings.Replace(link(), strconv.FormatInt(id, 10), "7", 1)); !strings.Contains(says, "signature") {
		t.Errorf("another job's: %s", says)
	}
	list, err := h.client.Jobs(t.Context(), grove.JobQuery{}, grove.Page{})
	if err != nil || len(list.Items) != 1 || list.Items[0].SnapshotURL == "" {
		t.Errorf("listed %+v %v", list, err)
	}
	old := link()
	if err := h.server.library.DropPictures(t.Context(), time.Now().Add(-time.Hour)); err != nil || !strings.HasPrefix(s.told(old), "\xFF\xD8") {
		t.Errorf("a young picture was dropped (%v)", err)
	}
	if err := h.server.library.DropPictures(t.Context(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if says := s.told(old); !strings.Contains(says, "not kept any more") {
		t.Errorf("after it was dropped: %.100s", says)
	}
}
