package sim

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"path"
	"time"
)

const (
	filmFrames = 30 // of a timelapse at most, give or take one
	filmRate   = 10 // frames a second when it is played
)

// film is a timelapse that is to be written: what was to be seen as the layers grew.
type film struct {
	name  string // of the file, without its ending
	mp4   bool   // H.264: X1, P2S and H2; P1 and A1 write AVI
	views []view
}

// shoot keeps what is to be seen now, about filmFrames times over a print.
func (j *job) shoot(m *machine) {
	if !j.timelapse || j.layer < j.nextShot {
		return
	}
	j.shots = append(j.shots, m.view())
	j.nextShot = j.layer + max(1, (j.layers+filmFrames-1)/filmFrames)
}

// film is the timelapse of a print that ended, nil without one. Printers name it
// after the moment (captures of open-bambu-networking).
func (j *job) film(m *machine, now time.Time) *film {
	if len(j.shots) == 0 {
		return nil
	}
	return &film{name: now.Format("video_2006-01-02_15-04-05"), mp4: !m.looks.small, views: j.shots}
}

// write puts the film on the card: /timelapse/NAME.avi, or NAME.mp4 with a still
// image in /timelapse/thumbnail.
func (f *film) write(card *storage) error {
	if !f.mp4 {
		frames := make([][]byte, 0, len(f.views))
		for _, v := range f.views {
			frame, err := v.jpeg()
			if err != nil {
				return err
			}
			frames = append(frames, frame)
		}
		return keepFilm(card, f.name+".avi", avi(frames))
	}
	still, err := f.views[len(f.views)-1].jpeg()
	if err != nil {
		return err
	}
	if err := card.write(path.Join("/timelapse/thumbnail", f.name+".jpg"), still); err != nil {
		return fmt.Errorf("write thumbnail of timelapse: %w", err)
	}
	return keepFilm(card, f.name+".mp4", mp4(f.views))
}

func keepFilm(card *storage, name string, content []byte) error {
	if err := card.write(path.Join("/timelapse", name), content); err != nil {
		return fmt.Errorf("write timelapse: %w", err)
	}
	return nil
}

// u32 is numbers of 32 bits in a row.
func u32(order binary.AppendByteOrder, numbers ...int) []byte {
	b := make([]byte, 0, 4*len(numbers))
	for _, n := range numbers {
		b = order.AppendUint32(b, uint32(n)) //nolint:gosec // sizes of a small film
	}
	return b
}

// u16 is numbers of 16 bits in a row.
func u16(order binary.AppendByteOrder, numbers ...int) []byte {
	b := make([]byte, 0, 2*len(numbers))
	for _, n := range numbers {
		b = order.AppendUint16(b, uint16(n)) //nolint:gosec // width and height of our picture
	}
	return b
}

// riff is one chunk of a RIFF file, padded to an even length.
func riff(id string, parts ...[]byte) []byte {
	body := bytes.Join(parts, nil)
	b := append([]byte(id), u32(binary.LittleEndian, len(body))...)
	b = append(b, body...)
	if len(body)%2 == 1 {
		b = append(b, 0)
	}
	return b
}

// avi is a Motion JPEG film (Microsoft's AVI RIFF File Reference).
func avi(frames [][]byte) []byte {
	const (
		width, height  = pictureWidth * enlarged, pictureHeight * enlarged
		hasIndex       = 0x10
		keyFrame       = 0x10
		microsPerFrame = 1e6 / filmRate
	)
	le := binary.LittleEndian
	var movie, index []byte
	largest := 0
	for _, f := range frames {
		index = append(index, "00dc"...)
		index = append(index, u32(le, keyFrame, 4+len(movie), len(f))...)
		movie = append(movie, riff("00dc", f)...)
		largest = max(largest, len(f))
	}
	header := riff("avih", u32(le, microsPerFrame, largest*filmRate, 0, hasIndex, len(frames), 0, 1, largest, width, height, 0, 0, 0, 0))
	stream := riff("strh", []byte("vidsMJPG"), u32(le, 0, 0, 0, 1, filmRate, 0, len(frames), largest, -1, 0), u16(le, 0, 0, width, height))
	format := riff("strf", u32(le, 40, width, height), u16(le, 1, 24), []byte("MJPG"), u32(le, width*height*3, 0, 0, 0, 0))
	return riff("RIFF", []byte("AVI "),
		riff("LIST", []byte("hdrl"), header, riff("LIST", []byte("strl"), stream, format)),
		riff("LIST", []byte("movi"), movie), riff("idx1", index))
}

// box is one box of an MP4 file.
func box(kind string, parts ...[]byte) []byte {
	body := bytes.Join(parts, nil)
	b := u32(binary.BigEndian, 8+len(body))
	b = append(b, kind...)
	return append(b, body...)
}

// mp4 is a film of H.264 (ISO/IEC 14496-12 and 14496-15).
func mp4(views []view) []byte {
	const width, height = pictureWidth * enlarged, pictureHeight * enlarged
	be := binary.BigEndian
	n := len(views)
	begin := box("ftyp", []byte("isom"), u32(be, 0x200), []byte("isomavc1"))
	var c coder
	var frames, alone [][]byte
	sizes := u32(be, 0, 0, n)
	for i, v := range views {
		unit, stands := c.next(v)
		frames = append(frames, u32(be, len(unit)), unit)
		sizes = append(sizes, u32(be, 4+len(unit))...)
		if stands {
			alone = append(alone, u32(be, i+1))
		}
	}
	data := box("mdat", frames...)
	matrix := u32(be, 1<<16, 0, 0, 0, 1<<16, 0, 0, 0, 1<<30)
	entry := box("avc1", make([]byte, 6), u16(be, 1), make([]byte, 16), u16(be, width, height),
		u32(be, 72<<16, 72<<16, 0), u16(be, 1), make([]byte, 32), u16(be, 24, 0xFFFF), parameterBox())
	table := box("stbl",
		box("stsd", u32(be, 0, 1), entry),
		box("stts", u32(be, 0, 1, n, 1)),
		box("stss", append([][]byte{u32(be, 0, len(alone))}, alone...)...),
		box("stsc", u32(be, 0, 1, 1, n, 1)),
		box("stsz", sizes),
		box("stco", u32(be, 0, 1, len(begin)+8)))
	media := box("mdia",
		box("mdhd", u32(be, 0, 0, 0, filmRate, n), u16(be, 0x55C4, 0)),
		box("hdlr", u32(be, 0, 0), []byte("vide"), u32(be, 0, 0, 0), []byte{0}),
		box("minf", box("vmhd", u32(be, 1, 0, 0)), box("dinf", box("dref", u32(be, 0, 1), box("url ", u32(be, 1)))), table))
	track := box("trak",
		box("tkhd", u32(be, 3, 0, 0, 1, 0, n, 0, 0, 0, 0), matrix, u32(be, width<<16, height<<16)), media)
	return bytes.Join([][]byte{begin, data, box("moov",
		box("mvhd", u32(be, 0, 0, 0, filmRate, n, 1<<16, 1<<24, 0, 0), matrix, u32(be, 0, 0, 0, 0, 0, 0, 2)), track)}, nil)
}
