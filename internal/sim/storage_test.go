package sim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/grovecloud/grove/bambu"
	"github.com/grovecloud/grove/printfile/sample"
)

// newTestCard is a card of a P1S, gone with the test.
func newTestCard(t testing.TB, card Card) *storage {
	t.Helper()
	s := newStorage(card, looksOf(modelOf(t, "P1S")))
	t.Cleanup(func() { must(t, s.close()) })
	return s
}

func modelOf(t testing.TB, name string) bambu.Model {
	t.Helper()
	model, ok := bambu.LookupModel(name)
	if !ok {
		t.Fatalf("no model %s", name)
	}
	return model
}

func TestACardKeepsFilesAndNothingBesideIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "secret"), []byte("canary"), 0o600))
	card := newTestCard(t, Card{Dir: filepath.Join(dir, "card")})
	must(t, card.write("/cache/a b.gcode.3mf", []byte("content")))
	must(t, os.Symlink(filepath.Join(dir, "secret"), filepath.Join(dir, "card", "link")))
	f, err := card.open("/cache/../cache/a b.gcode.3mf")
	must(t, err)
	content, err := io.ReadAll(f)
	must(t, errors.Join(err, f.Close()))
	if string(content) != "content" {
		t.Errorf("read %q", content)
	}
	for _, name := range []string{"/../secret", "/link", "/cache", "/none", "/cache/../../secret"} {
		if f, err := card.open(name); err == nil {
			f.Close()
			t.Errorf("opened %s", name)
		}
	}
	must(t, card.remove("/cache/a b.gcode.3mf"))
	for _, name := range []string{"/cache/a b.gcode.3mf", "/cache", "/"} {
		if err := card.remove(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("remove %s: %v", name, err)
		}
	}
	if content, err := os.ReadFile(filepath.Join(dir, "secret")); err != nil || string(content) != "canary" {
		t.Errorf("the file beside the card: %q, %v", content, err)
	}
}

func TestACardIsFullAtItsSize(t *testing.T) {
	t.Parallel()
	card := newTestCard(t, Card{Bytes: 10})
	must(t, card.write("/a", []byte("123456")))
	if err := card.write("/b", []byte("12345")); !errors.Is(err, errCardFull) {
		t.Errorf("5 bytes more: %v", err)
	}
	if info, err := card.stat("/b"); err != nil || info.Size() != 4 {
		t.Errorf("what fitted stays: %v, %v", info, err)
	}
	if err := card.write("/c", []byte("1")); !errors.Is(err, errCardFull) {
		t.Errorf("onto a full card: %v", err)
	}
	must(t, card.write("/a", []byte("654321")))
	if free, err := card.free(); err != nil || free != 0 {
		t.Errorf("%d bytes free, %v", free, err)
	}
}

func TestACardRefusesNamesThatItsFormatCannotKeep(t *testing.T) {
	t.Parallel()
	card := newTestCard(t, Card{})
	for _, name := range []string{"/a:b", "/a*", "/what?", "/\x01", "/" + strings.Repeat("n", 256), "/\xff", "/", "/..", `/a\b`} {
		if err := card.write(name, nil); !errors.Is(err, errBadName) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"/x.gcode.3mf.gcode.3mf", "/Würfel 2.3mf", "/" + strings.Repeat("n", 255)} {
		must(t, card.write(name, nil))
	}
}

func TestWithoutACardThereIsNothing(t *testing.T) {
	t.Parallel()
	card := newTestCard(t, Card{})
	card.insert(false)
	for name, err := range map[string]error{
		"write": card.write("/a", nil), "remove": card.remove("/a"), "mkdir": card.mkdir("/d"),
		"stat": second(card.stat("/")), "list": second(card.list("/")), "free": second(card.free()), "open": second(card.open("/a")),
	} {
		if !errors.Is(err, errNoCard) {
			t.Errorf("%s: %v", name, err)
		}
	}
	card.insert(true)
	must(t, card.write("/a", nil))
}

func second[T any](_ T, err error) error { return err }

func TestATemporaryCardGoesWithRun(t *testing.T) {
	t.Parallel()
	card := newStorage(Card{}, looks{folders: []string{"/timelapse/thumbnail"}})
	must(t, card.write("/timelapse/thumbnail/a", nil))
	dir := card.root.Name()
	must(t, card.close())
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("still there: %v", err)
	}
}

func TestLinksFindTheirFileByModel(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ model, link, want string }{
		{"P1S", "ftp://cube.gcode.3mf", "/cube.gcode.3mf"},
		{"P1S", "ftp:///cache/a b#1%.3mf", "/cache/a b#1%.3mf"},
		{"P1S", "ftp://cache/../../etc/passwd", "/etc/passwd"},
		{"P1S", "file:///sdcard/cube.3mf", "/cube.3mf"},
		{"X1C", "file:///mnt/sdcard/cache/cube.3mf", "/cache/cube.3mf"},
		{"X1E", "file:///sdcard/cube.3mf", "/cube.3mf"},
		{"P1S", "file:///media/usb0/cube.3mf", ""},
		{"P2S", "file:///media/usb0/cache/cube.3mf", "/cache/cube.3mf"},
		{"P2S", "file:///sdcard/cube.3mf", "/cube.3mf"},
		{"H2D", "file:///sdcard/cube.3mf", ""},
		{"H2D", "file:///media/usb0/cube.3mf", "/cube.3mf"},
		{"P1S", "file:///etc/passwd", ""},
		{"P1S", "file:///sdcardcube.3mf", ""},
		{"P1S", "https://127.0.0.1/cube.3mf", "-"},
	} {
		got, ok := newStorage(Card{}, looksOf(modelOf(t, c.model))).locate(c.link)
		if !ok {
			got = "-"
		}
		if got != c.want {
			t.Errorf("%s on a %s is %q, want %q", c.link, c.model, got, c.want)
		}
	}
}

// fromCard makes a start of a file on the card.
func fromCard(project map[string]any, link string) map[string]any {
	project["url"], project["task_id"] = link, "0"
	return project
}

func TestAPrintComesFromTheCard(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	content := sample.ThreeMF(sample.Seconds(600))
	b := r.printer(t, Config{Speed: 300})
	must(t, b.storage.write("/cache/cube.gcode.3mf", content))
	b.pushall()
	for _, link := range []string{"ftp:///cache/cube.gcode.3mf", "file:///sdcard/cache/cube.gcode.3mf", "ftp://cache/cube.gcode.3mf"} {
		b.succeed("print", "project_file", fromCard(r.project(content), link))
		b.until("gcode_state", "PREPARE")
		b.until("gcode_state", "FINISH")
	}
	b.succeed("print", "gcode_file", map[string]any{"param": "/sdcard/cache/cube.gcode.3mf"})
	b.until("gcode_state", "PREPARE")
	b.until("gcode_file", "cube.gcode.3mf")
	b.until("gcode_state", "FINISH")
}

func TestWhatTheCardCannotGiveFailsThePrintInTheRightWords(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	content := sample.ThreeMF()
	b := r.printer(t, Config{Speed: 10})
	must(t, b.storage.write("/cube.gcode.3mf", content))
	must(t, b.storage.write("/other.gcode.3mf", append(bytes.Clone(content), 0)))
	half, err := b.storage.create("/half.gcode.3mf")
	must(t, err)
	defer half.close()
	b.pushall()
	if b.print["sdcard"] != true {
		t.Errorf("sdcard %v", b.print["sdcard"])
	}
	for _, c := range []struct {
		link string
		code int
	}{
		{"ftp://none.gcode.3mf", errorNoFile},
		{"ftp:///cache", errorNoFile},
		{"file:///media/usb0/cube.gcode.3mf", errorNoFile}, // where a P1S has nothing
		{"ftp://half.gcode.3mf", errorStorage},
		{"ftp://other.gcode.3mf", errorUnread}, // its checksum is another
	} {
		b.succeed("print", "project_file", fromCard(r.project(content), c.link))
		b.until("gcode_state", "PREPARE")
		b.until("gcode_state", "FAILED")
		b.until("print_error", c.code)
		b.succeed("print", "clean_print_error", nil)
		b.until("print_error", 0)
	}
	b.succeed("print", "gcode_file", map[string]any{"param": "/sdcard/none.gcode"})
	b.until("gcode_state", "FAILED")
	b.until("print_error", errorNoFile)
	b.goWrong(Faults{NoCard: true})
	b.until("sdcard", false)
	flag, err := b.print["home_flag"].(json.Number).Int64()
	if must(t, err); flag&storageBits != 0 {
		t.Errorf("home_flag %x speaks of a card", flag)
	}
	b.succeed("print", "project_file", fromCard(r.project(content), "ftp://cube.gcode.3mf"))
	b.until("print_error", errorNoFile)
}

func TestWhatLiesInTheRootIsBegunOnlyByFirmwareThatDoes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file  string
		begin Begin
		fault bool
		want  int
	}{
		{"cube.gcode.3mf", BeginIdle, true, 1},
		{"cube.gcode.3mf", BeginFinished, true, 1},
		{"cube.gcode.3mf", BeginPrinting, true, 0},
		{"cube.gcode.3mf", BeginIdle, false, 0},
		{"cache/cube.gcode.3mf", BeginIdle, true, 0},
		{"notes.txt", BeginIdle, true, 0},
	} {
		dir, ledger := t.TempDir(), &notes{}
		must(t, os.Mkdir(filepath.Join(dir, "cache"), 0o700))
		must(t, os.WriteFile(filepath.Join(dir, c.file), []byte("not read yet"), 0o600))
		p, err := New(Config{Serial: "01P00A000000001", Broker: "127.0.0.1:1", Card: Card{Dir: dir}, Begin: c.begin, Faults: Faults{Autostart: c.fault}, Ledger: ledger})
		must(t, err)
		if got := ledger.starts(t); len(got) != c.want || c.want == 1 && (got[0].File != "cube.gcode.3mf" || p.State() != statePrepare) {
			t.Errorf("%+v: state %s, ledger %+v", c, p.State(), got)
		}
		must(t, p.storage.close())
	}
}

func TestAPrintBegunByItselfGoesOn(t *testing.T) {
	t.Parallel()
	r, dir := newRig(t), t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "cube.gcode.3mf"), sample.ThreeMF(sample.Seconds(600)), 0o600))
	b := r.printer(t, Config{Speed: 300, Card: Card{Dir: dir}, Faults: Faults{Autostart: true}})
	b.pushall()
	b.until("gcode_state", "FINISH")
	if b.print["subtask_name"] != "cube" || b.print["task_id"] != "0" {
		t.Errorf("printed %s", b.last)
	}
}

func TestPowerThatComesBackBeginsWhatLiesInTheRoot(t *testing.T) {
	t.Parallel()
	ledger := &notes{}
	p, err := New(Config{Serial: "01P00A000000001", Broker: "127.0.0.1:1", Card: Card{Dir: t.TempDir()}, Faults: Faults{Autostart: true}, Ledger: ledger})
	must(t, err)
	must(t, p.storage.write("/left.gcode.3mf", []byte("from the last job")))
	for _, off := range []bool{true, false} {
		if got := ledger.starts(t); len(got) != 0 {
			t.Errorf("begun before power came: %+v", got)
		}
		must(t, p.ChangeFaults(func(f *Faults) error {
			f.PowerOff = off
			return nil
		}))
	}
	if got := ledger.starts(t); len(got) != 1 || got[0].File != "left.gcode.3mf" {
		t.Errorf("ledger %+v", got)
	}
	must(t, p.storage.close())
}

// What lay on the card is in the recording, so that the run needs no card to repeat.
func TestARunFromTheCardRepeatsWithoutIt(t *testing.T) {
	t.Parallel()
	dir, first, second := t.TempDir(), &tape{}, &tape{}
	must(t, os.WriteFile(filepath.Join(dir, "cube.gcode.3mf"), sample.ThreeMF(sample.Seconds(600)), 0o600))
	b := newLANBench(t, Config{Seed: 7, Speed: 300, Card: Card{Dir: dir}, Faults: Faults{Autostart: true}, Record: first})
	b.on()
	soon(t, "the end of the print", func() bool { return b.State() == stateFinish })
	b.off()
	must(t, <-b.stopped)
	b.stopped <- nil

	recording, err := ReadRecording(strings.NewReader(first.String()))
	must(t, err)
	again := newLANBench(t, recording.Onto(Config{Record: second}))
	again.on()
	soon(t, "the end of the print again", func() bool { return again.State() == stateFinish })
	if want := first.String(); !strings.HasPrefix(second.String(), want) || !strings.Contains(want, `"found":"cube.gcode.3mf"`) {
		t.Errorf("recorded\n%s\nthen\n%s", want, second.String())
	}
}

func TestATimelapseLiesOnTheCardAfterThePrint(t *testing.T) {
	t.Parallel()
	for model, want := range map[string][]string{
		"P1S": {"/timelapse/*.avi"}, "X1C": {"/timelapse/*.mp4", "/timelapse/thumbnail/*.jpg"},
	} {
		t.Run(model, func(t *testing.T) {
			t.Parallel()
			r, dir := newRig(t), t.TempDir()
			b := r.printer(t, Config{Model: model, Speed: 300, Card: Card{Dir: dir}})
			b.pushall()
			project := r.project(sample.ThreeMF(sample.Layers(100), sample.Seconds(1800)))
			for _, wanted := range []bool{false, true} {
				project["timelapse"] = wanted
				b.succeed("print", "project_file", project)
				b.until("gcode_state", "PREPARE")
				b.until("gcode_state", "FINISH")
			}
			b.off()
			<-b.stopped
			b.stopped <- nil // for the end of the test
			for _, pattern := range want {
				found, err := filepath.Glob(filepath.Join(dir, pattern))
				must(t, err)
				if len(found) != 1 {
					t.Fatalf("%s: %v", pattern, found)
				}
				if !strings.HasSuffix(pattern, ".jpg") {
					probeFilm(t, found[0])
				}
			}
		})
	}
}

// probeFilm lets ffprobe look at a film, where there is one.
func probeFilm(t *testing.T, name string) {
	t.Helper()
	out := succeeds(t, "ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=codec_name,width,height,nb_read_frames", "-of", "csv=p=0", name)
	codec := "mjpeg"
	if strings.HasSuffix(name, ".mp4") {
		codec = "h264"
	}
	var width, height, frames int
	if _, err := fmt.Sscanf(strings.TrimSpace(out), codec+",%d,%d,%d", &width, &height, &frames); err != nil || width != 640 || height != 360 || frames < 20 || frames > filmFrames+1 {
		t.Errorf("ffprobe sees %q", out)
	}
	if info, err := os.Stat(name); err != nil || info.Size() > 2<<20 {
		t.Errorf("%v, %v", info, err)
	}
}

// outside is a program from elsewhere; scripts/test installs it, and without it a
// laptop skips.
func outside(t testing.TB, name string, args ...string) *exec.Cmd {
	t.Helper()
	found, err := exec.LookPath(name)
	switch {
	case err == nil:
	case os.Getenv("CI") != "":
		t.Fatalf("%s is not installed", name)
	default:
		t.Skipf("%s is not installed", name)
	}
	return exec.CommandContext(t.Context(), found, args...)
}

// succeeds runs a program that must succeed and gives what it printed.
func succeeds(t testing.TB, name string, args ...string) string {
	t.Helper()
	cmd := outside(t, name, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("%s: %v\n%s%s", name, err, out, stderr.Bytes())
	}
	return string(out)
}
