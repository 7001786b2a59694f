from dataclasses import dataclass
import numpy as np
@dataclass(frozen=True)
class DataSet:
    x_train: np.ndarray; c_train: np.ndarray; x_validation: np.ndarray; c_validation: np.ndarray
    x_test: object=None; c_test: object=None; classes: int=2
def ellipses(seed=0, per_class=1000, validation_per_class=200):
    rng=np.random.default_rng(seed)
    def data(n):
        xs=[]
        for r0 in (0,1):
            r=r0+rng.uniform(0,1,n); p=rng.uniform(0,2*np.pi,n); xs.append(np.stack([r*np.cos(p),.4*r*np.sin(p)],1))
        return np.concatenate(xs), np.repeat(np.arange(2),n)
    return DataSet(*data(per_class),*data(validation_per_class))
