// Whoever may write to the blob store: gives each blob that is older than `age` seconds the data of another, under its own name
// and with its own commitment; with `undo` each has its own data again, which was kept beside it. Returns `{blobs}`: how many.
const KEPT = 'kept/';

export default async function misbehave(load, { dud, age, undo }) {
  const { default: aws } = await load('../@aws-sdk/client-s3/dist-cjs/index.js');
  const { createFileStore } = await load('stdlib/dest/file-store/index.js');
  const { inboundTransform, outboundTransform } = await load('blob-client/dest/encoding/index.js');

  const { s3, bucketName: Bucket } = await createFileStore(process.env.BLOB_FILE_STORE_UPLOAD_URL);
  const get = async Key => (await s3.send(new aws.GetObjectCommand({ Bucket, Key }))).Body.transformToByteArray();
  const put = (Key, Body) => s3.send(new aws.PutObjectCommand({ Bucket, Key, Body }));
  const drop = Key => s3.send(new aws.DeleteObjectCommand({ Bucket, Key }));
  const list = async Prefix => {
    const pages = aws.paginateListObjectsV2({ client: s3 }, { Bucket, Prefix });
    return (await Array.fromAsync(pages)).flatMap(({ Contents = [] }) => Contents);
  };

  const kept = await list(KEPT);
  for (const { Key } of kept) {
    await put(Key.slice(KEPT.length), await get(Key));
    await drop(Key);
  }
  if (undo) return { blobs: kept.length };

  const before = Date.now() - age * 1000;
  const blobs = (await list()).filter(({ Key, LastModified }) => Key.endsWith('.data') && LastModified < before);
  if (blobs.length < 2) throw new Error(`${blobs.length} blobs are in the store, and two are needed to be taken for each other`);
  const read = bytes => JSON.parse(inboundTransform(Buffer.from(bytes)).toString());
  const last = blobs.at(-1);
  let { blob } = read(await get(last.Key));
  for (const { Key } of blobs) {
    const right = await get(Key);
    const own = read(right);
    await put(KEPT + Key, right);
    if (!dud) await put(Key, outboundTransform(Buffer.from(JSON.stringify({ ...own, blob }))));
    blob = own.blob;
  }
  return { blobs: blobs.length };
}
