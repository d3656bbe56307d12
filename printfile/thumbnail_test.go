package printfile_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/printfile"
	"github.com/grovecloud/grove/printfile/sample"
)

func thumbnail(t *testing.T, content []byte, plate int) ([]byte, error) {
	t.Helper()
	return printfile.Thumbnail(t.Context(), bytes.NewReader(content), int64(len(content)), plate, printfile.Limits{})
}

// drawn is a PNG of this size with a text inside that nobody should keep.
func drawn(t *testing.T, side int) []byte {
	t.Helper()
	picture := image.NewNRGBA(image.Rect(0, 0, side, side))
	picture.Set(side/2, side/2, color.NRGBA{R: 255, A: 255})
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		t.Fatal(err)
	}
	const header = 8 + 25
	return append(append(b.Bytes()[:header:header], chunk("tEXt", []byte("Comment\x00<script>secret</script>"))...), b.Bytes()[header:]...)
}

func chunk(kind string, content []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(content)))
	b = append(append(b, kind...), content...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

// huge is the head of a PNG that claims this size.
func huge(width, height uint32) []byte {
	header := binary.BigEndian.AppendUint32(nil, width)
	header = append(binary.BigEndian.AppendUint32(header, height), 8, 6, 0, 0, 0)
	b := append([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", header)...)
	return append(append(b, chunk("IDAT", []byte{0x78, 0x9c})...), chunk("IEND", nil)...)
}

func TestThumbnailIsDrawnAnew(t *testing.T) {
	t.Parallel()
	content := sample.ThreeMF(sample.Plates(2), sample.Member("Metadata/plate_2.png", drawn(t, 40)))
	got, err := thumbnail(t, content, 2)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(got, []byte("secret")) {
		t.Error("the text in the picture was kept")
	}
	picture, err := png.Decode(bytes.NewReader(got))
	if err != nil {
		t.Fatal(err)
	}
	if picture.Bounds().Dx() != 40 || picture.At(20, 20) != (color.NRGBA{R: 255, A: 255}) {
		t.Errorf("picture is %v, %v", picture.Bounds(), picture.At(20, 20))
	}
	if first, err := thumbnail(t, content, 1); err != nil || bytes.Equal(first, got) {
		t.Errorf("the first plate's picture: %d bytes, %v", len(first), err)
	}
}

func TestAModelsPackageHasAThumbnailToo(t *testing.T) {
	t.Parallel()
	content := sample.ThreeMF(sample.Unsliced(), sample.Without("Metadata/plate_1.png"), sample.Member("Auxiliaries/.thumbnails/thumbnail_3mf.png", drawn(t, 8)))
	if _, err := thumbnail(t, content, 1); err != nil {
		t.Error(err)
	}
}

// embedded is a picture as slicers write it into G-code.
func embedded(picture []byte, side int) string {
	text := base64.StdEncoding.EncodeToString(picture)
	var b strings.Builder
	fmt.Fprintf(&b, "; thumbnail begin %dx%d %d\n", side, side, len(text))
	for len(text) > 0 {
		n := min(78, len(text))
		b.WriteString("; " + text[:n] + "\n")
		text = text[n:]
	}
	return b.String() + "; thumbnail end\n"
}

func TestGcodeCarriesItsThumbnailInComments(t *testing.T) {
	t.Parallel()
	content := []byte("; header\n" + embedded(drawn(t, 16), 16) + "\n" + embedded(drawn(t, 300), 300) + "G28\nG1 X1\n")
	got, err := thumbnail(t, content, 1)
	if err != nil {
		t.Fatal(err)
	}
	if header, err := png.DecodeConfig(bytes.NewReader(got)); err != nil || header.Width != 300 {
		t.Errorf("got %+v, %v; want the largest", header, err)
	}
	if !read(t, "a.gcode", content, printfile.Limits{}).Plates[0].HasThumbnail {
		t.Error("the plate has no thumbnail")
	}
}

func TestThumbnailsThatAreNotThereAreNotFound(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		content []byte
		plate   int
	}{
		"no such plate":            {sample.ThreeMF(), 2},
		"plate zero":               {sample.ThreeMF(), 0},
		"no picture":               {sample.ThreeMF(sample.Without("Metadata/plate_1.png")), 1},
		"gcode without":            {sample.Gcode(sample.Layers(3)), 1},
		"second plate of gcode":    {[]byte(embedded(drawn(t, 8), 8)), 2},
		"begun and never ended":    {[]byte("; thumbnail begin 8x8 9\n; AAAA\nG28\n"), 1},
		"stl":                      {sample.STL(), 1},
		"empty":                    {nil, 1},
		"a folder by that name":    {sample.ThreeMF(sample.Without("Metadata/plate_1.png"), sample.Member("Metadata/plate_1.png/", nil)), 1},
		"unsliced, other plate":    {sample.ThreeMF(sample.Unsliced()), 9},
		"negative number of gcode": {[]byte(embedded(drawn(t, 8), 8)), -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := thumbnail(t, c.content, c.plate); !errors.Is(err, grove.NotFound) || !grove.HasReason(err, printfile.ReasonNoThumbnail) {
				t.Errorf("error is %v", err)
			}
		})
	}
}

func TestUnreadableThumbnailsAreRefused(t *testing.T) {
	t.Parallel()
	sound := drawn(t, 64)
	for name, picture := range map[string][]byte{
		"no picture": []byte("hello"), "empty": {}, "cut": sound[:len(sound)/2], "another format": []byte("\xff\xd8\xff\xe0JFIF"),
		"too many pixels": huge(4000, 2001), "overflowing size": huge(1<<31-1, 1<<31-1), "as many as allowed but no data": huge(4000, 2000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			content := sample.ThreeMF(sample.Member("Metadata/plate_1.png", picture))
			if _, err := thumbnail(t, content, 1); !errors.Is(err, grove.Invalid) || !grove.HasReason(err, printfile.ReasonUnreadable) {
				t.Errorf("3MF: error is %v", err)
			}
			if info := read(t, "a.3mf", content, printfile.Limits{}); info.Problem != "" {
				t.Errorf("a bad picture keeps the plate from being printed: %s", info.Problem)
			}
			if len(picture) == 0 {
				return
			}
			if _, err := thumbnail(t, []byte(embedded(picture, 8)), 1); !errors.Is(err, grove.Invalid) {
				t.Errorf("G-code: error is %v", err)
			}
		})
	}
	if _, err := thumbnail(t, []byte("; thumbnail begin 8x8 9\n; !!!!\n; thumbnail end\n"), 1); !errors.Is(err, grove.Invalid) {
		t.Errorf("no base64: error is %v", err)
	}
}

func TestATooLargePictureIsNotPromised(t *testing.T) {
	t.Parallel()
	content := sample.ThreeMF(sample.Member("Metadata/plate_1.png", huge(4000, 2001)))
	if read(t, "a.3mf", content, printfile.Limits{}).Plates[0].HasThumbnail {
		t.Error("the plate is said to have a thumbnail")
	}
}
