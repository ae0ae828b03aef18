// The rows of the race: a network, what is done with it, and how many images of which size.

/** A network: its name here, its name in torchvision. */
const NETWORKS = {
  b0: { model: 'efficientnet_b0', torchvision: 'efficientnet_b0', title: 'EfficientNet-B0' },
  b4: { model: 'efficientnet_b4', torchvision: 'efficientnet_b4', title: 'EfficientNet-B4' },
  v2: { model: 'efficientnetv2_s', torchvision: 'efficientnet_v2_s', title: 'EfficientNetV2-S' },
  mobilenet: { model: 'mobilenet_v3_large', torchvision: 'mobilenet_v3_large', title: 'MobileNetV3-Large' },
  resnet: { model: 'resnet50', torchvision: 'resnet50', title: 'ResNet-50' },
}

const predict = (name, network, batch, size) => ({ name, task: 'predict', ...network, batch, size, classes: 1000 })
const train = (name, network, batch, size) => ({ name, task: 'train', ...network, batch, size, classes: 10 })

export const ROWS = [
  predict('predict-b0-1', NETWORKS.b0, 1, 224),
  predict('predict-b0-16', NETWORKS.b0, 16, 224),
  train('train-b0-224', NETWORKS.b0, 16, 224),
  train('train-b0-32', NETWORKS.b0, 64, 32),
  predict('predict-b4', NETWORKS.b4, 1, 380),
  predict('predict-v2-s', NETWORKS.v2, 1, 300),
  predict('predict-mobilenet', NETWORKS.mobilenet, 1, 224),
  predict('predict-resnet', NETWORKS.resnet, 1, 224),
]

/** `EfficientNet-B0, prediction, batch 16 at 224 px` */
export const titleOf = ({ title, task, batch, size }) =>
  `${title}, ${task === 'train' ? 'training step' : 'prediction'}, batch ${batch} at ${size} px`
