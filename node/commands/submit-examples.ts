/** One example for each task of the repository, and what else `submit` can do; test/unit/node/submit-help.test.ts compares. */
export const submitExamples = `
Tasks (each also takes --seed, --model and --wait):
  $ npx buffalo-node submit text-generation --prompt "Once upon a time" --wait
  $ npx buffalo-node submit text-to-image --prompt "a red apple" --output apple.png
  $ npx buffalo-node submit unconditional-image-generation --seed 7 --output digit.png
  $ npx buffalo-node submit text-image-joint-embedding --prompt "a cat" --input cat.png --wait
  $ npx buffalo-node submit reinforcement-learning --move 1,1 --wait
  $ npx buffalo-node submit image-to-text --input picture.png --wait
  $ npx buffalo-node submit image-classification --input picture.png --wait
  $ npx buffalo-node submit text-classification --prompt "what a fine day" --wait
  $ npx buffalo-node submit feature-extraction --prompt "what a fine day" --wait
  $ npx buffalo-node submit audio-classification --input sound.wav --wait
  $ npx buffalo-node submit automatic-speech-recognition --input speech.wav --wait
  $ npx buffalo-node submit tensor --input request.json --wait

Examples:
  $ npx buffalo-node submit image-to-text --input https://example.org/receipt.jpg --seed 0x01 --json
  $ npx buffalo-node submit text-to-image --prompt "a red apple" --format nft --output apple.png
  $ npx buffalo-node submit reinforcement-learning --game 1 --move 0,2 --wait
`
